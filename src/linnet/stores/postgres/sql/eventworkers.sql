-- :name beat (worker_id, gone_seconds) -> many
-- Notes that one lives, forgets those that have not said so for a minute, and gives all that live. By the clock of
-- PostgreSQL alone. Served by event_workers_pkey; a row for each worker.
with beat as (
    insert into event_workers (id, seen_at) values (%(worker_id)s, now())
    on conflict (id) do update set seen_at = excluded.seen_at
), forgotten as (
    delete from event_workers where seen_at < now() - interval '1 minute' and id <> %(worker_id)s
)
select id from event_workers where seen_at > now() - make_interval(secs => %(gone_seconds)s)
union select %(worker_id)s::bigint
order by id;

-- :name delete (worker_id) -> none
-- One that stops says so. Served by event_workers_pkey.
delete from event_workers where id = %(worker_id)s;
