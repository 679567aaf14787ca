-- :name find_size () -> one
-- About how many people and tweets there are, as PostgreSQL last counted them: a look at a small table.
select coalesce(max(reltuples) filter (where relname = 'users'), 0)::bigint,
    coalesce(max(reltuples) filter (where relname = 'tweets'), 0)::bigint
from pg_class
where oid in ('users'::regclass, 'tweets'::regclass);

-- :name count_people () -> value
-- How many people there are: a scan, for as long as they are few.
select count(*) from users where deleted_ms is null;

-- :name count_tweets () -> value
-- How many tweets there are: a scan, for as long as they are few.
select count(*) from tweets;

-- :name count_active (percent, since_ms) -> value
-- How many people in a sample of so many per cent were here since: a scan of the sample.
select count(*) from users tablesample system (%(percent)s)
where last_active_ms > %(since_ms)s and deleted_ms is null;
