-- :name acquire (holder, now_ms, until_ms, lease_seconds) -> one
-- The free worker number whose last holder reached least far; numbers never used come first. Nothing when another
-- process took it in between. Served by worker_leases_pkey.
insert into worker_leases as l (worker, holder, from_ms, until_ms, expires_at)
select n.worker, %(holder)s::bytea, %(now_ms)s::bigint, %(until_ms)s::bigint,
    now() + make_interval(secs => %(lease_seconds)s)
from generate_series(0, 1023) n(worker)
left join worker_leases taken on taken.worker = n.worker
where taken.worker is null or taken.expires_at < now()
order by taken.worker is not null, taken.until_ms, n.worker
limit 1
on conflict (worker) do update
    set holder = excluded.holder, from_ms = greatest(excluded.from_ms, l.until_ms),
        until_ms = greatest(excluded.until_ms, l.until_ms + 60000), expires_at = excluded.expires_at
    where l.expires_at < now()
returning worker, from_ms, until_ms;

-- :name renew (worker, holder, until_ms, lease_seconds) -> value
-- Extends a lease that is still ours; returns the new bound, or nothing when the number is another's by now. Served by
-- worker_leases_pkey.
update worker_leases
set until_ms = greatest(until_ms, %(until_ms)s), expires_at = now() + make_interval(secs => %(lease_seconds)s)
where worker = %(worker)s and holder = %(holder)s
returning until_ms;

-- :name release (worker, holder) -> none
-- Gives a number back. Its bound stays. Served by worker_leases_pkey.
update worker_leases set expires_at = now() - interval '1 second' where worker = %(worker)s and holder = %(holder)s;
