-- Pictures that people put into tweets: their rows, which come before their files and go after them.

-- :name insert (owner_id, attachment_id, name, now_ms) -> none
-- Files of this name are about to be there.
insert into attachments (owner_id, id, name, waits_since_ms)
values (%(owner_id)s, %(attachment_id)s, %(name)s, %(now_ms)s);

-- :name make_ready (owner_id, attachment_id, width, height, small_width, small_height, blurhash, description, focus_x, focus_y, now_ms) -> none
-- Its files are there; nothing when somebody gave it up meanwhile. Served by attachments_pkey.
update attachments
set state = 'ready', width = %(width)s, height = %(height)s, small_width = %(small_width)s,
    small_height = %(small_height)s, blurhash = %(blurhash)s, description = %(description)s,
    focus_x = %(focus_x)s, focus_y = %(focus_y)s, waits_since_ms = %(now_ms)s
where owner_id = %(owner_id)s and id = %(attachment_id)s and state = 'new';

-- :name find (owner_id, attachment_id) -> one
-- One of somebody's own, whether it stands in a tweet or not. Served by attachments_pkey.
select id, name, width, height, small_width, small_height, blurhash, description, focus_x, focus_y
from attachments
where owner_id = %(owner_id)s and id = %(attachment_id)s and state = 'ready';

-- :name is_attached (owner_id, attachment_id) -> value
-- Whether it stands in a tweet, or will. Served by attachments_pkey.
select exists (
    select from attachments
    where owner_id = %(owner_id)s and id = %(attachment_id)s and (tweet_id is not null or scheduled_id is not null)
);

-- :name update (owner_id, attachment_id, description, focus_x, focus_y) -> one
-- What is said of one that stands in no tweet yet; what is null stays. Served by attachments_pkey.
update attachments
set description = coalesce(%(description)s, description),
    focus_x = coalesce(%(focus_x)s, focus_x),
    focus_y = coalesce(%(focus_y)s, focus_y)
where owner_id = %(owner_id)s and id = %(attachment_id)s and state = 'ready' and tweet_id is null
returning id, name, width, height, small_width, small_height, blurhash, description, focus_x, focus_y;

-- :name hold (owner_id, scheduled_id, attachment_ids) -> none
-- Keeps somebody's own for a tweet that is posted later, those that are ready and nowhere. Served by attachments_pkey.
update attachments
set scheduled_id = %(scheduled_id)s
where owner_id = %(owner_id)s and id = any(%(attachment_ids)s::bigint[]) and state = 'ready' and tweet_id is null
    and scheduled_id is null;

-- :name let_go (owner_id, scheduled_id, now_ms) -> none
-- What was kept for a tweet that is not posted waits for another one. Served by attachments_scheduled.
update attachments
set scheduled_id = null, waits_since_ms = %(now_ms)s
where owner_id = %(owner_id)s and scheduled_id = %(scheduled_id)s;

-- :name fetch (owner_id, attachment_ids) -> many
-- Some of somebody's own, whether they stand in tweets or not. Served by attachments_pkey.
select id, name, width, height, small_width, small_height, blurhash, description, focus_x, focus_y
from attachments
where owner_id = %(owner_id)s and id = any(%(attachment_ids)s::bigint[]) and state = 'ready';

-- :name attach (owner_id, tweet_id, attachment_ids, held_by) -> many
-- Puts somebody's own into a tweet, those that are ready, in none or in this one before it was edited, and held by no
-- other; whoever else wants one waits, and does not find it. Served by attachments_pkey.
update attachments
set tweet_id = %(tweet_id)s, scheduled_id = null
where owner_id = %(owner_id)s and id = any(%(attachment_ids)s::bigint[]) and state = 'ready'
    and (tweet_id is null or tweet_id = %(tweet_id)s) and (scheduled_id is null or scheduled_id = %(held_by)s)
returning id, name, width, height, small_width, small_height, blurhash, description, focus_x, focus_y;

-- :name describe_attached (owner_id, tweet_id, attachment_id, description, focus_x, focus_y) -> none
-- What is said of one that stands in a tweet, whose row is locked and says the same. Served by attachments_pkey.
update attachments
set description = %(description)s, focus_x = %(focus_x)s, focus_y = %(focus_y)s
where owner_id = %(owner_id)s and id = %(attachment_id)s and tweet_id = %(tweet_id)s;

-- :name release (owner_id, tweet_id, state, now_ms) -> none
-- A tweet is gone, and its pictures are gone with it or wait for another one. Served by attachments_of_tweet.
update attachments
set tweet_id = null, state = %(state)s, waits_since_ms = %(now_ms)s
where owner_id = %(owner_id)s and tweet_id = %(tweet_id)s;

-- :name give_up (owner_id, attachment_id, before_ms) -> none
-- One that stands in no tweet, nor will, and has waited since before a moment is not to be had any more. Served by
-- attachments_pkey.
update attachments
set state = 'gone'
where owner_id = %(owner_id)s and id = %(attachment_id)s and tweet_id is null and scheduled_id is null
    and (state = 'gone' or waits_since_ms < %(before_ms)s);

-- :name fetch_of_owner (owner_id, page_size) -> many
-- Some of all that an account that is being erased has. Served by attachments_pkey.
select owner_id, id, name from attachments where owner_id = %(owner_id)s order by id limit %(page_size)s;

-- :name fetch_gone (owner_id, page_size) -> many
-- Some of somebody's that are to be deleted. Served by attachments_waiting.
select owner_id, id, name from attachments
where owner_id = %(owner_id)s and tweet_id is null and state = 'gone'
order by id
limit %(page_size)s;

-- :name fetch_waiting (before_ms, page_size) -> many
-- Some of anybody's that are to be deleted or have waited since before a moment: there are few that wait at all. Served
-- by attachments_waiting.
select owner_id, id, name from attachments
where tweet_id is null and scheduled_id is null and (state = 'gone' or waits_since_ms < %(before_ms)s)
order by owner_id, id
limit %(page_size)s;

-- :name delete (owner_id, attachment_id) -> none
-- Its files are gone. Served by attachments_pkey.
delete from attachments where owner_id = %(owner_id)s and id = %(attachment_id)s;

-- :name fetch_named (names) -> many
-- Which names of files are anybody's. Served by attachments_name alone.
select name from attachments where name = any(%(names)s::text[]);
