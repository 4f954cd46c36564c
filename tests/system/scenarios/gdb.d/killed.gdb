set pagination off
set confirm off
set breakpoint always-inserted on
break selftest_events
break selftest_memory
continue
shell kill -9 $(pidof torc-more)
