/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The handover of a guest from the source to the target, as a protocol: its states, its durable records, its messages, and the faults
 * it is to survive. Checked by spin (rules.mk): never do both hosts run the guest; after any single fault exactly one does,
 * without an operator; after two faults still never both.
 *
 * Records are written to disk before what they allow is done, and survive everything. Engines (the processes that migrate) die and
 * come back with the records alone; the guest itself outlives its engine. A host dies with whatever guest memory it had. The link
 * loses messages; who repeats one reads first what there is. A step is atomic, because an engine that dies in its middle comes back to the record. Only what happens from the last round on is here: pre-copy changes nobody's mind.
 *
 * A host that dies with a guest on it leaves nobody who could say whether the guest had begun. So the target lets it begin with its
 * disks and cards held back, writes down that it runs, and only then lets go of what it does. A target without that record has let
 * nothing out, and the source may go on from what it has; with it, the guest ran there, and went with its host.
 *
 *   source   OWNER        the guest is ours and runs, or may be made to run at any time
 *            SUSPENDED    it is ours and stands still, since before the last round was all sent
 *            HANDED       it is the target's: we keep its memory, and may take it back only if the target says it has lost it
 *            GONE         the target runs it; ours is destroyed
 *   target   NONE         nothing, or an incomplete image
 *            PREPARED     the image is complete; whose the guest is, the source knows. It may run, but nothing that it does leaves the host
 *            RUNNING      it is ours and runs; kept until the source has said that it is GONE there
 */
#ifndef FAULTS
#define FAULTS 1
#endif

mtype = { OWNER, SUSPENDED, HANDED, GONE, NONE, PREPARED, RUNNING };
mtype = { FINAL, READY, GO, ACK, ABORT, ASK, LOST, DONE };

chan to_target = [2] of { mtype };
chan to_source = [2] of { mtype };

mtype source = OWNER;		/* records */
mtype target = NONE;
bool source_runs = true;	/* the guest itself */
bool target_runs = false;
bool source_writes = true;	/* its backends may have writes of the guest under way */
bool effects = false;		/* what the guest does on the target reaches disks and wires */
bool forgotten = false;		/* the target has removed its record: it answers as if there had never been one */
bool source_memory = true;	/* the source host still has the guest's memory */
bool aborted = false;		/* this migration is over at the source: it never hands over any more */
bool sent_final = false;
bool died_with_its_host = false;	/* the only copy was on a host that died: nothing a protocol can mend */
byte faults = 0;

/* A full channel loses the message, as a link without a fault would delay it: senders repeat. */
inline say(channel, message)
{
	if
	:: nfull(channel) -> channel ! message
	:: full(channel) -> skip
	fi
}

/* Back to running at the source. The record first: a crash in between is mended by the next start. */
inline take_back()
{
	source = OWNER;
	aborted = true;
	source_runs = source_memory;
	source_writes = source_memory
}

active proctype Source()
{
	mtype m;

	do
	/* The last round: the guest is stopped and what is left is sent, the record says so, and then the target is told that it has all. */
	:: atomic { source == OWNER && !aborted && source_runs -> source_runs = false }
	:: atomic { source == OWNER && !aborted && !source_runs && source_memory -> source = SUSPENDED }
	:: atomic { source == SUSPENDED && source_memory && nfull(to_target) && !sent_final -> to_target ! FINAL; sent_final = true }
	/* It takes too long, the link is gone, the administrator changed his mind: back, as long as it is not handed over. */
	:: atomic { source == SUSPENDED && source_memory -> take_back(); say(to_target, ABORT) }
	/* Our host died and came back: whether the target has the image, it will tell. */
	:: atomic { source == SUSPENDED && !source_memory && empty(to_target) && empty(to_source) -> to_target ! ASK }
#ifdef WRONG
	/* What must not be: the source gives up waiting and takes the guest back by itself. The check of the check. */
	:: atomic { source == HANDED && source_memory -> take_back() }
#endif
	/* Repeated until it is acknowledged. */
	:: atomic { source == HANDED && empty(to_target) && empty(to_source) -> to_target ! GO }
	:: atomic { to_source ? m ->
		if
		:: m == READY ->
			if
			/* first its backends finish all that they had taken */
			:: source == SUSPENDED -> source_writes = false; source = HANDED; say(to_target, GO)
			:: source == HANDED -> say(to_target, GO)
			:: source == OWNER && aborted -> say(to_target, ABORT)
			:: else -> skip
			fi
		:: m == ACK ->
			if
			:: source == HANDED -> source = GONE; source_memory = false; say(to_target, DONE)
			:: source == GONE -> say(to_target, DONE)
			:: else -> skip
			fi
		:: m == LOST ->
			if
			:: (source == HANDED || source == SUSPENDED) && source_memory -> take_back()
			:: (source == HANDED || source == SUSPENDED) && !source_memory -> died_with_its_host = true; source = GONE
			:: else -> skip
			fi
		:: else -> skip
		fi }
	od
}

active proctype Target()
{
	mtype m;

	do
	/* Whoever is prepared says so until it knows. */
	:: atomic { target == PREPARED && !target_runs && empty(to_source) && empty(to_target) -> to_source ! READY }
	/* It has begun, held back: the record, then what it does may leave. Also after a crash in between. */
	:: atomic { target == PREPARED && target_runs -> target = RUNNING }
	:: atomic { target == RUNNING && !effects -> effects = true; say(to_source, ACK) }
	/* Until the source knows. */
	:: atomic { target == RUNNING && effects && !forgotten && empty(to_source) && empty(to_target) -> to_source ! ACK }
	:: atomic { to_target ? m ->
		if
		:: m == FINAL ->
			if
			:: target == NONE -> target = PREPARED
			:: else -> skip
			fi
		:: m == GO ->
			if
			:: target == PREPARED -> target_runs = true
			:: target == RUNNING && effects && !forgotten -> say(to_source, ACK)
			:: target == RUNNING && !effects -> skip
			/* Handed to us, and our host died with the image: the source still has it. */
			:: target == NONE || forgotten -> say(to_source, LOST)
			fi
		:: m == ABORT ->
			if
			:: target == PREPARED -> assert(!target_runs); target = NONE
			:: else -> skip
			fi
		:: m == ASK ->
			if
			:: target == PREPARED && !target_runs -> say(to_source, READY)
			:: target == RUNNING && effects && !forgotten -> say(to_source, ACK)
			:: target == NONE || forgotten -> say(to_source, LOST)
			:: else -> skip
			fi
		:: m == DONE ->
			if
			:: target == RUNNING -> forgotten = true
			:: else -> skip
			fi
		:: else -> skip
		fi }
	od
}

active proctype Faults()
{
	mtype m;

	do
	:: faults < FAULTS ->
		if
		/* the link */
		:: atomic { nempty(to_target) -> to_target ? m; faults++ }
		:: atomic { nempty(to_source) -> to_source ? m; faults++ }
		/* the source's engine: what it does when it starts again follows from its record, and a guest of ours that
		 * stands still without the record saying why goes on */
		:: atomic { source == OWNER && !source_runs && source_memory -> take_back(); faults++ }
		:: atomic { source == SUSPENDED && source_memory -> take_back(); say(to_target, ABORT); faults++ }
		/* a host, with all that is in its memory; one that runs the guest takes it along, and that is no matter of migration */
		:: atomic { source_memory && !source_runs && source != OWNER -> source_memory = false; source_writes = false; faults++ }
		:: atomic { target == PREPARED -> target = NONE; target_runs = false; faults++ }
		fi
	:: break
	od
}

ltl never_both	{ [] !(source_runs && target_runs) }
ltl never_two_writers	{ [] !(source_writes && effects) }
ltl never_back_in_time	{ [] !(source_runs && effects) }
ltl never_two_owners { [] !((source == OWNER || source == SUSPENDED) && target == RUNNING) }
ltl one_in_the_end { <> [] (source_runs != target_runs || died_with_its_host || (source == OWNER && !source_memory)) }
