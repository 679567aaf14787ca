-- What an operator asks about PostgreSQL as a whole. Nothing here is on the path of a request.

-- :name find_server () -> one
-- The server itself: its version, how many connections it admits and has, and whether it refuses to write. Reads a small
-- table of the server's own.
select current_setting('server_version'), current_setting('server_version_num')::int,
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
    (select count(*) from pg_stat_activity where backend_type = 'client backend'),
    pg_is_in_recovery() or current_setting('default_transaction_read_only')::boolean;

-- :name find_now_ms () -> value
-- The server's clock. Reads no small table and no large one.
select (extract(epoch from clock_timestamp()) * 1000)::bigint;

-- :name find_oldest_event_seconds () -> value
-- How long the oldest event has waited; null when none does. A scan of a table that is nearly empty when all is well.
select extract(epoch from clock_timestamp() - min(appended_at))::float8 from outbox;

-- :name count_parked () -> value
-- Parked events: a small table.
select count(*) from parked_events;

-- :name find_leases () -> one
-- How many processes hold a worker number, and up to when ids may have been minted: a small table.
select count(*) filter (where expires_at > now()), coalesce(max(until_ms), 0) from worker_leases;

-- :name count_job_runners (stalled_seconds) -> value
-- How many processes run jobs: a small table.
select count(*) from linnet_jobs.procrastinate_workers
where last_heartbeat > now() - make_interval(secs => %(stalled_seconds)s);

-- :name find_late_jobs (late_seconds) -> one
-- How many jobs should have been begun so long ago, and how long ago the first of them. Done jobs are gone, and so it is
-- a small table.
select count(*), coalesce(max(extract(epoch from clock_timestamp() - due.at)), 0)::float8
from (
    select coalesce(
        j.scheduled_at, (select min(e.at) from linnet_jobs.procrastinate_events e where e.job_id = j.id)
    ) as at
    from linnet_jobs.procrastinate_jobs j
    where j.status = 'todo'
) due
where due.at < now() - make_interval(secs => %(late_seconds)s);
