#rig: timeout=120
# The toolstack sees the host and its control domain.
check "info answers" tool info
tool info > /tmp/info 2>&1
check "info tells the version" grep -q '^xen_version' /tmp/info
check "list answers" tool list
tool list > /tmp/list 2>&1
check "dom0 runs" grep -q '^Domain-0 .*r' /tmp/list
check "dmesg answers" tool dmesg
equal "dom0's memory is what it was given" "$(tool list Domain-0 | awk 'NR == 2 { print $3 }')" 1024
