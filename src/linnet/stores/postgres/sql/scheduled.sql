-- Tweets that are to be posted later. A row is there until its tweet is, and goes in the transaction that makes it.

-- :name lock (user_id) -> none
-- One row; none for somebody who is leaving. Others who would schedule for this user wait. Served by users_pkey.
select 1 from users where id = %(user_id)s and deleted_ms is null for no key update;

-- :name insert (user_id, id, due_ms, draft) -> none
-- One more.
insert into scheduled_tweets (user_id, id, due_ms, draft) values (%(user_id)s, %(id)s, %(due_ms)s, %(draft)s);

-- :name count (user_id, except_id, from_ms, until_ms) -> one
-- How many somebody has but for one, and how many of them are for some time. Served by scheduled_tweets_pkey.
select count(*), count(*) filter (where due_ms >= %(from_ms)s and due_ms < %(until_ms)s)
from scheduled_tweets
where user_id = %(user_id)s and id <> %(except_id)s;

-- :name find (user_id, id) -> one
-- One of somebody's. Served by scheduled_tweets_pkey.
select user_id, id, due_ms, draft::text, failure
from scheduled_tweets
where user_id = %(user_id)s and id = %(id)s;

-- :name fetch (user_id, before_id, page_size) -> many
-- Somebody's, the newest first. Served by scheduled_tweets_pkey.
select user_id, id, due_ms, draft::text, failure
from scheduled_tweets
where user_id = %(user_id)s and id < %(before_id)s
order by id desc
limit %(page_size)s;

-- :name fetch_above (user_id, after_id, page_size) -> many
-- The ones just above a cursor, oldest first. Served by scheduled_tweets_pkey.
select user_id, id, due_ms, draft::text, failure
from scheduled_tweets
where user_id = %(user_id)s and id > %(after_id)s
order by id
limit %(page_size)s;

-- :name update_due (user_id, id, due_ms) -> none
-- Another time, also for what could not be posted. Served by scheduled_tweets_pkey.
update scheduled_tweets set due_ms = %(due_ms)s, failure = null where user_id = %(user_id)s and id = %(id)s;

-- :name delete (user_id, id) -> none
-- It is not to be posted. Served by scheduled_tweets_pkey.
delete from scheduled_tweets where user_id = %(user_id)s and id = %(id)s;

-- :name claim (user_id, id, due_ms) -> none
-- One row for whoever posts it, if it waits as it was read, and its author is not leaving. Whoever comes second waits,
-- and finds none. Served by scheduled_tweets_pkey and users_pkey.
delete from scheduled_tweets s
where s.user_id = %(user_id)s and s.id = %(id)s and s.due_ms = %(due_ms)s and s.failure is null
    and exists (select from users u where u.id = s.user_id and u.deleted_ms is null);

-- :name fail (user_id, id, due_ms, failure) -> none
-- Why it cannot be posted, if it still waits as it was read. Served by scheduled_tweets_pkey.
update scheduled_tweets
set failure = %(failure)s
where user_id = %(user_id)s and id = %(id)s and due_ms = %(due_ms)s and failure is null;

-- :name fetch_due (now_ms, after_ms, after_id, page_size) -> many
-- Anybody's whose time has come, the longest waiting first, from behind a place on. Served by scheduled_tweets_due.
select user_id, id, due_ms, draft::text, failure
from scheduled_tweets
where failure is null and due_ms <= %(now_ms)s and (due_ms, id) > (%(after_ms)s, %(after_id)s)
order by due_ms, id
limit %(page_size)s;
