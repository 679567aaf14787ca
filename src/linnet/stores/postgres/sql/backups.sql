-- What a backup asks of a whole database, and what a restore makes sure of before it writes.

-- :name lock_backups (lock_key) -> none
-- One backup or restore at a time; pictures are not deleted meanwhile. Held by the connection.
select pg_advisory_lock(%(lock_key)s);

-- :name unlock_backups (lock_key) -> none
-- Lets go of it at once. The end of the connection does so as well, a moment after it is closed here.
select pg_advisory_unlock(%(lock_key)s);

-- :name fetch_versions () -> many
-- The migrations that made the tables, in order: a small table.
select migration_id from schema_migrations order by migration_id;

-- :name fetch_tables () -> many
-- Our tables with the columns that are written, in order; the record of migrations belongs to those who run them. The
-- catalogue is a small table.
select c.relname, array_agg(a.attname::text order by a.attnum)
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname !~ '^(_?yoyo_|schema_migrations)'
group by c.relname
order by c.relname;

-- :name fetch_jobs () -> many
-- Jobs that are not done, oldest first. Done jobs are gone, and so it is a small table.
select task_name, coalesce(lock, ''), args::text,
    coalesce((extract(epoch from scheduled_at) * 1000)::bigint, 0)
from linnet_jobs.procrastinate_jobs
where status in ('todo', 'doing', 'failed')
order by id;

-- :name fetch_avatars (after, page_size) -> many
-- Pictures that people have, for whatever, by name. Served by users_avatar and users_header.
select name
from (
    select avatar as name from users where avatar > %(after)s
    union
    select header from users where header > %(after)s
) pictures
order by name
limit %(page_size)s;

-- :name fetch_attachments (after, page_size) -> many
-- Pictures of tweets, and those that wait for one, by the name of their files. Served by attachments_name.
select name from attachments
where name > %(after)s and state = 'ready'
order by name
limit %(page_size)s;

-- :name find_inhabitants () -> one
-- Whether somebody lives in this database, and whether a process of linnet works on it: a scan that ends with the first
-- user, and a small table.
select exists (select from users), exists (select from worker_leases where expires_at > now());

-- :name delete_facts (kept_key) -> none
-- What migrations noted about an empty installation: a small table.
delete from installation where key <> %(kept_key)s;
