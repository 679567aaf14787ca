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

-- :name count_tweets_by_week (percent, since_ms) -> many
-- How many tweets of a sample of so many per cent were posted in each week since: a scan of the sample.
select (((id >> 16) - %(since_ms)s) / 604800000)::int, count(*)
from tweets tablesample system (%(percent)s)
where id >> 16 >= %(since_ms)s
group by 1;

-- :name count_people_by_week (percent, since_ms) -> many
-- How many people of a sample of so many per cent came in each week since: a scan of the sample.
select (((id >> 16) - %(since_ms)s) / 604800000)::int, count(*)
from users tablesample system (%(percent)s)
where id >> 16 >= %(since_ms)s and deleted_ms is null
group by 1;

-- :name count_logins_by_week (percent, since_ms) -> many
-- How many people of a sample of so many per cent logged in, or used a log-in last, in each week since: a scan of the
-- sample.
select ((t.at_ms - %(since_ms)s) / 604800000)::int, count(distinct s.user_id)
from sessions s tablesample system (%(percent)s),
    lateral (values (s.id >> 16), (s.last_used_ms)) t (at_ms)
where t.at_ms >= %(since_ms)s
group by 1;
