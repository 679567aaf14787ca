-- :name put (report_id, user_id, about_id, tweet_ids, category, comment, rules) -> value
-- A report by somebody who is not leaving. One about the same that nobody looked at yet says the newer words, and keeps
-- its id. Served by users_pkey and reports_open.
insert into reports (user_id, id, about_id, tweet_ids, category, comment, rules)
select u.id, %(report_id)s, %(about_id)s, %(tweet_ids)s::bigint[], %(category)s, %(comment)s, %(rules)s::text[]
from users u where u.id = %(user_id)s and u.deleted_ms is null
on conflict (user_id, about_id, tweet_ids) where resolved_ms is null
do update set category = excluded.category, comment = excluded.comment, rules = excluded.rules
returning id;

-- :name fetch_open (after_id, page_size) -> many
-- What nobody has dealt with yet, the oldest first. Served by reports_waiting.
select user_id, id, about_id, tweet_ids, category, comment, rules, resolved_ms, resolution
from reports
where resolved_ms is null and id > %(after_id)s
order by id
limit %(page_size)s;

-- :name fetch_all (after_id, page_size) -> many
-- All there are, the oldest first. Served by reports_newest.
select user_id, id, about_id, tweet_ids, category, comment, rules, resolved_ms, resolution
from reports
where id > %(after_id)s
order by id
limit %(page_size)s;

-- :name find (report_id) -> one
-- One of them, whoever's it is. Served by reports_newest.
select user_id, id, about_id, tweet_ids, category, comment, rules, resolved_ms, resolution
from reports
where id = %(report_id)s;

-- :name resolve (user_id, report_id, resolution, now_ms) -> none
-- It is dealt with; one that is so already stays as it is. Served by reports_pkey.
update reports
set resolved_ms = %(now_ms)s, resolution = %(resolution)s
where user_id = %(user_id)s and id = %(report_id)s and resolved_ms is null;

-- :name count_open () -> value
-- How many wait for somebody. A scan of reports_waiting, which is as short as that.
select count(*) from reports where resolved_ms is null;
