-- The queue's tables are procrastinate's (jobschema.py). What it has a function for is done by that function.

-- :name insert (job_name, lock_key, arguments, delay_seconds) -> value
-- One job, in the caller's transaction. A queue for each name, so that a worker only takes what it knows.
select unnest(linnet_jobs.procrastinate_defer_jobs_v1(array[row(
    %(job_name)s::text, %(job_name)s::text, 0, %(lock_key)s::text, null, %(arguments)s::jsonb,
    case when %(delay_seconds)s::float8 > 0 then now() + make_interval(secs => %(delay_seconds)s::float8) end
)::linnet_jobs.procrastinate_job_to_defer_v1]));

-- :name lock_stalled (lock_key) -> value
-- Only one process at a time looks for jobs whose worker is gone.
select pg_try_advisory_xact_lock(%(lock_key)s);

-- :name delete_replaced (stalled_seconds) -> none
-- Jobs of workers that said nothing for so long, where the next of their kind waits already and may wait only once: it does
-- what they did not. Few jobs run at a time: a small table.
delete from linnet_jobs.procrastinate_jobs j
where j.status = 'doing'
  and exists (
      select from linnet_jobs.procrastinate_jobs next
      where next.status = 'todo' and next.queueing_lock = j.queueing_lock
  )
  and not exists (
      select from linnet_jobs.procrastinate_workers w
      where w.id = j.worker_id and w.last_heartbeat > now() - make_interval(secs => %(stalled_seconds)s)
  );

-- :name retry_stalled (stalled_seconds) -> value
-- Gives back the jobs of workers that said nothing for so long; how many. Few jobs run at a time: a small table.
select count(linnet_jobs.procrastinate_retry_job_v2(stalled.id, null, null, null, null)) from (
    select j.id from linnet_jobs.procrastinate_jobs j
    where j.status = 'doing' and not exists (
        select from linnet_jobs.procrastinate_workers w
        where w.id = j.worker_id and w.last_heartbeat > now() - make_interval(secs => %(stalled_seconds)s)
    )
    for update of j skip locked
) stalled;

-- :name retry_failed (job_id) -> value
-- Gives a job that was given up another chance; null when there is no such job. Done jobs are gone: a small table.
select j.id from (
    select f.id from linnet_jobs.procrastinate_jobs f where f.id = %(job_id)s and f.status = 'failed' for update
) j, linnet_jobs.procrastinate_retry_job_v2(j.id, null, null, null, null);

-- :name fetch_page (after_id, page_size) -> many
-- What waits, runs or was given up, oldest first. Served by the queue's primary key; done jobs are gone, and so it is a
-- small table.
select id, task_name, args::text, status::text, attempts, coalesce((extract(epoch from scheduled_at) * 1000)::bigint, 0)
from linnet_jobs.procrastinate_jobs
where id > %(after_id)s
order by id
limit %(page_size)s;

-- :name count_by_status () -> many
-- For those who watch. Done jobs are gone, and so it is a small table.
select status::text, count(id) from linnet_jobs.procrastinate_jobs group by status;

-- :name delete_given_up (days, page_size) -> none
-- Jobs that ended long ago without success. Done ones are gone already: a small table.
delete from linnet_jobs.procrastinate_jobs
where id in (
    select j.id from linnet_jobs.procrastinate_jobs j
    where j.status not in ('todo', 'doing') and not exists (
        select from linnet_jobs.procrastinate_events e
        where e.job_id = j.id and e.at > now() - make_interval(days => %(days)s)
    )
    limit %(page_size)s
);
