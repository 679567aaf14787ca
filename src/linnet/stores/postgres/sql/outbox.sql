-- :name append (actor_id, event_id, lane, kind, payload) -> none
-- One event. Its id is larger than those of the actor's events still waiting, whichever process minted them, so that
-- what was done later is applied later. Served by outbox_pkey.
insert into outbox (actor_id, id, lane, kind, payload)
select %(actor_id)s,
    greatest(%(event_id)s, (select coalesce(max(o.id), 0) + 1 from outbox o where o.actor_id = %(actor_id)s)),
    %(lane)s, %(kind)s, %(payload)s::jsonb;

-- :name append_numbered (actor_id, event_id, lane, kind, payload) -> none
-- One event whose id is already in the order that matters to it.
insert into outbox (actor_id, id, lane, kind, payload)
values (%(actor_id)s, %(event_id)s, %(lane)s, %(kind)s, %(payload)s::jsonb);

-- :name lock_lanes (lanes, first_key) -> many
-- Holds those of the lanes that no other worker holds, until the transaction ends. Waits for nobody.
select lane from unnest(%(lanes)s::int[]) lane where pg_try_advisory_xact_lock(%(first_key)s + lane);

-- :name wait_for_lane (lane, first_key) -> none
-- Holds one lane until the transaction ends, as soon as whoever works on it is through. Workers do not wait for it.
select pg_advisory_xact_lock(%(first_key)s::bigint + %(lane)s::bigint);

-- :name fetch_batch (lanes, page_size) -> many
-- The oldest events of some lanes: of each lane its first ones. An actor with an event that waits for its retry waits as
-- a whole. Served by outbox_lane and outbox_retries.
select o.actor_id, o.id, o.kind, o.payload::text, o.attempts, (extract(epoch from o.appended_at) * 1000)::bigint
from outbox o
where o.lane = any(%(lanes)s::smallint[])
    and o.actor_id not in (select w.actor_id from outbox w where w.retry_at > now())
order by o.id
limit %(page_size)s;

-- :name fetch_of_kinds (kinds, after_actor_id, after_id, page_size) -> many
-- Events of some kinds that wait, by actor and id. Served by outbox_pkey; the table is nearly empty when all is well.
select actor_id, id, kind, payload::text, attempts, (extract(epoch from appended_at) * 1000)::bigint
from outbox
where (actor_id, id) > (%(after_actor_id)s, %(after_id)s) and kind = any(%(kinds)s::text[])
order by actor_id, id
limit %(page_size)s;

-- :name delete (actor_ids, event_ids) -> none
-- These events are applied. Served by outbox_pkey.
delete from outbox o
using (select unnest(%(actor_ids)s::bigint[]) as actor_id, unnest(%(event_ids)s::bigint[]) as id) done
where o.actor_id = done.actor_id and o.id = done.id;

-- :name postpone (actor_id, event_id, delay_seconds) -> none
-- Counts a failure and sets the time of the next attempt. Served by outbox_pkey.
update outbox
set attempts = attempts + 1, retry_at = now() + make_interval(secs => %(delay_seconds)s)
where actor_id = %(actor_id)s and id = %(event_id)s;

-- :name park (actor_id, event_id, reason) -> none
-- Takes an event out of its lane, with the reason. Served by outbox_pkey.
with parked as (
    delete from outbox where actor_id = %(actor_id)s and id = %(event_id)s
    returning actor_id, id, lane, kind, payload, appended_at, attempts
)
insert into parked_events (actor_id, id, lane, kind, payload, appended_at, attempts, reason)
select actor_id, id, lane, kind, payload, appended_at, attempts + 1, %(reason)s from parked;

-- :name replay (actor_id, event_id) -> value
-- Puts a parked event back into its lane, with its old id; 1 when it was parked. Served by parked_events_pkey.
with unparked as (
    delete from parked_events where actor_id = %(actor_id)s and id = %(event_id)s
    returning actor_id, id, lane, kind, payload, appended_at
), appended as (
    insert into outbox (actor_id, id, lane, kind, payload, appended_at)
    select actor_id, id, lane, kind, payload, appended_at from unparked
)
select count(*) from unparked;

-- :name fetch_parked (after_actor_id, after_id, page_size) -> many
-- Parked events by actor, in the order of their ids. Served by parked_events_pkey.
select actor_id, id, lane, kind, payload::text, attempts, reason, (extract(epoch from parked_at) * 1000)::bigint
from parked_events
where (actor_id, id) > (%(after_actor_id)s, %(after_id)s)
order by actor_id, id
limit %(page_size)s;

-- :name fetch_busy_lanes () -> many
-- Lanes where something is due. Served by outbox_lane and outbox_retries.
select distinct o.lane from outbox o
where o.actor_id not in (select w.actor_id from outbox w where w.retry_at > now())
order by o.lane;

-- :name fetch_due_lanes (own, late_seconds) -> many
-- Of these lanes all where something is due; of others those where it has been so for a while. Served by outbox_retries,
-- and a scan of a table that is nearly empty when all is well.
select distinct o.lane from outbox o
where o.actor_id not in (select w.actor_id from outbox w where w.retry_at > now())
    and (o.lane = any(%(own)s::smallint[])
        or coalesce(o.retry_at, o.appended_at) < now() - make_interval(secs => %(late_seconds)s))
order by o.lane;

-- :name fetch_depths () -> many
-- Events per lane. Served by outbox_lane.
select lane, count(*) from outbox group by lane order by lane;

-- :name count () -> value
-- All events that wait. A scan of a table that is nearly empty when all is well.
select count(*) from outbox;
