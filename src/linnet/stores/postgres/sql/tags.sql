-- :name insert_uses (author_ids, tweet_ids, tags, reply_to_author_ids) -> many
-- Notes which tweets carry which tags; returns the new notes. Served by tweet_tags_pkey.
insert into tweet_tags (author_id, tweet_id, tag, reply_to_author_id)
select unnest(%(author_ids)s::bigint[]), unnest(%(tweet_ids)s::bigint[]), unnest(%(tags)s::text[]),
    unnest(%(reply_to_author_ids)s::bigint[])
on conflict do nothing
returning author_id, tweet_id, tag;

-- :name delete_uses (author_ids, tweet_ids) -> many
-- Takes back what deleted tweets carried; returns it. Served by tweet_tags_pkey.
delete from tweet_tags t
using (select unnest(%(author_ids)s::bigint[]) as author_id, unnest(%(tweet_ids)s::bigint[]) as tweet_id) d
where t.author_id = d.author_id and t.tweet_id = d.tweet_id
returning t.author_id, t.tweet_id, t.tag;

-- :name delete_other_uses (author_ids, tweet_ids, kept_tweet_ids, kept_tags) -> many
-- Takes back what edited tweets carry no longer; returns it. Served by tweet_tags_pkey.
delete from tweet_tags t
using (select unnest(%(author_ids)s::bigint[]) as author_id, unnest(%(tweet_ids)s::bigint[]) as tweet_id) d
where t.author_id = d.author_id and t.tweet_id = d.tweet_id
    and (t.tweet_id, t.tag) not in (select unnest(%(kept_tweet_ids)s::bigint[]), unnest(%(kept_tags)s::text[]))
returning t.author_id, t.tweet_id, t.tag;

-- :name fetch_last_uses (user_ids, tags, first_id) -> many
-- Somebody's latest tweet with a tag, not below an id, for all of these people and tags. Served by tweet_tags_pkey.
select author_id, tag, max(tweet_id) from tweet_tags
where author_id = any(%(user_ids)s::bigint[]) and tweet_id >= %(first_id)s and tag = any(%(tags)s::text[])
group by author_id, tag;

-- :name lock_people (user_ids, tags) -> many
-- Who of these people uses which of these tags lately, pair by pair: all people with all tags would be very many. Nobody
-- lets them go before we commit. Served by tag_people_pkey.
select p.user_id, p.tag, p.last_id
from (select unnest(%(user_ids)s::bigint[]) as user_id, unnest(%(tags)s::text[]) as tag) d
join tag_people p on p.user_id = d.user_id and p.tag = d.tag
order by p.user_id, p.tag
for update of p;

-- :name lock_people_of_one (user_id, tags) -> many
-- The same for one of these people. Served by tag_people_pkey.
select user_id, tag, last_id from tag_people
where user_id = %(user_id)s and tag = any(%(tags)s::text[])
order by tag
for update;

-- :name upsert_people (user_ids, tags, last_ids) -> none
-- Notes the latest uses of people. Served by tag_people_pkey.
insert into tag_people (user_id, tag, last_id)
select unnest(%(user_ids)s::bigint[]), unnest(%(tags)s::text[]), unnest(%(last_ids)s::bigint[])
on conflict (user_id, tag) do update set last_id = excluded.last_id;

-- :name delete_people (user_ids, tags) -> none
-- People who do not use a tag any more. Served by tag_people_pkey.
delete from tag_people p
using (select unnest(%(user_ids)s::bigint[]) as user_id, unnest(%(tags)s::text[]) as tag) d
where p.user_id = d.user_id and p.tag = d.tag;

-- :name delete_people_below (first_id, page_size) -> many
-- Lets go, some at a time, of people whose latest use is older than an id; who uses the tag again in this moment stays.
-- Served by tag_people_oldest.
delete from tag_people
where (user_id, tag) in (
        select user_id, tag from tag_people where last_id < %(first_id)s order by last_id limit %(page_size)s
    )
    and last_id < %(first_id)s
returning tag, last_id;

-- :name count_people_below (tags, first_id) -> many
-- How many of a tag's people are older than an id: those whom nobody let go yet. Served by tag_people_of_tag.
select tag, count(*) from tag_people
where tag = any(%(tags)s::text[]) and last_id < %(first_id)s
group by tag;

-- :name sum_people (tags, half_life_ms) -> many
-- Tags' people and ranks, added up anew: domain.trending.sum_ranks in SQL. What a thousand half-lives leave is nothing,
-- and PostgreSQL would call it an underflow. Served by tag_people_of_tag alone.
select p.tag, count(*),
    max(h.highest) / %(half_life_ms)s::float8
        + ln(sum(power(2::float8, greatest(((p.last_id >> 16) - h.highest) / %(half_life_ms)s::float8, -1000)))) / ln(2::float8)
from (
    select tag, max(last_id) >> 16 as highest from tag_people where tag = any(%(tags)s::text[]) group by tag
) h
join tag_people p on p.tag = h.tag
group by p.tag;

-- :name insert (tags, displays) -> many
-- Tags that were not there yet, in the order given; returns the new ones. Served by tags_pkey.
insert into tags (tag, display)
select tag, display from unnest(%(tags)s::text[], %(displays)s::text[]) with ordinality as t (tag, display, ordinal)
order by ordinal
on conflict do nothing
returning tag;

-- :name lock (tags) -> many
-- These tags, until the transaction ends; every transaction locks them in the order of their names. Served by tags_pkey.
select tag, display, display_author_id, display_tweet_id, tweets_count, people_count, rank, is_hidden, pinned_id
from tags
where tag = any(%(tags)s::text[])
order by tag
for no key update;

-- :name update (tags, displays, display_author_ids, display_tweet_ids, tweets_counts, people_counts, ranks, min_people) -> none
-- Locked tags as they are now. Served by tags_pkey.
update tags t
set display = d.display, display_author_id = d.display_author_id, display_tweet_id = d.display_tweet_id,
    tweets_count = d.tweets_count, people_count = d.people_count, rank = d.rank,
    trends = d.people_count >= %(min_people)s and not t.is_hidden and t.pinned_id is null
from (
    select unnest(%(tags)s::text[]) as tag, unnest(%(displays)s::text[]) as display,
        unnest(%(display_author_ids)s::bigint[]) as display_author_id,
        unnest(%(display_tweet_ids)s::bigint[]) as display_tweet_id,
        unnest(%(tweets_counts)s::bigint[]) as tweets_count, unnest(%(people_counts)s::bigint[]) as people_count,
        unnest(%(ranks)s::float8[]) as rank
) d
where t.tag = d.tag;

-- :name delete_unused (tags) -> none
-- Those of these tags that nobody uses and no operator speaks of. Served by tags_pkey.
delete from tags
where tag = any(%(tags)s::text[]) and tweets_count = 0 and not is_hidden and pinned_id is null;

-- :name rule (tag, display, is_hidden, pinned_id, min_people) -> none
-- What an operator says of a tag, used or not. Pinned again it keeps its place. Served by tags_pkey.
insert into tags (tag, display, is_hidden, pinned_id)
values (%(tag)s, %(display)s, %(is_hidden)s, %(pinned_id)s)
on conflict (tag) do update
set is_hidden = excluded.is_hidden,
    pinned_id = case when excluded.pinned_id is not null then coalesce(tags.pinned_id, excluded.pinned_id) end,
    trends = tags.people_count >= %(min_people)s and not excluded.is_hidden and excluded.pinned_id is null;

-- :name find (tag) -> one
-- One tag. Served by tags_pkey.
select tag, display, tweets_count, people_count, is_hidden, pinned_id is not null from tags where tag = %(tag)s;

-- :name fetch_trending (lowest_rank, page_size) -> many
-- What trends, the most first. Served by tags_trending.
select tag, display, tweets_count, people_count, is_hidden, false from tags
where trends and rank >= %(lowest_rank)s
order by rank desc, tag
limit %(page_size)s;

-- :name fetch_pinned (page_size) -> many
-- What operators pinned, in that order. Served by tags_pinned.
select tag, display, tweets_count, people_count, is_hidden, true from tags
where pinned_id is not null
order by pinned_id
limit %(page_size)s;

-- :name fetch_hidden (after_tag, page_size) -> many
-- What operators hid, by name. Served by tags_hidden.
select tag, display, tweets_count, people_count, is_hidden, false from tags
where is_hidden and tag > %(after_tag)s
order by tag
limit %(page_size)s;

-- :name fetch_by_prefix (prefix, look, page_size) -> many
-- Used tags that begin with something: the one that is all of it, then the most used. Where more than "look" of them
-- begin so, it looks at so many by name, and at so many of the most used of all. Served by tags_pkey and by
-- tags_most_used.
select tag, display, tweets_count, people_count, is_hidden, is_pinned
from (
    (
        select tag, display, tweets_count, people_count, is_hidden, pinned_id is not null as is_pinned from tags
        where tag >= %(prefix)s::text and tag < %(prefix)s::text || chr(1114111)
        order by tag
        limit %(look)s
    )
    union
    select tag, display, tweets_count, people_count, is_hidden, is_pinned
    from (
        select tag, display, tweets_count, people_count, is_hidden, pinned_id is not null as is_pinned from tags
        where tweets_count > 0
        order by tweets_count desc, tag
        limit %(look)s
    ) most_used
    where tag >= %(prefix)s::text and tag < %(prefix)s::text || chr(1114111)
) found
where tweets_count > 0
order by tag = %(prefix)s::text desc, tweets_count desc, tag
limit %(page_size)s;

-- :name fetch_page (after_tag, page_size) -> many
-- The names of all tags. Served by tags_pkey.
select tag from tags where tag > %(after_tag)s order by tag limit %(page_size)s;

-- :name fetch_tweets (tag, before_id, page_size) -> many
-- The tweets that carry a tag as entries below a cursor, newest first. Served by tweet_tags_newest alone.
select tweet_id, author_id, coalesce(reply_to_author_id, 0) from tweet_tags
where tag = %(tag)s and tweet_id < %(before_id)s
order by tweet_id desc
limit %(page_size)s;

-- :name fetch_tweets_above (tag, after_id, page_size) -> many
-- The tweets that carry a tag just above a cursor, oldest first. Served by tweet_tags_newest alone.
select tweet_id, author_id, coalesce(reply_to_author_id, 0) from tweet_tags
where tag = %(tag)s and tweet_id > %(after_id)s
order by tweet_id
limit %(page_size)s;

-- :name fetch_packed (tags, after_id, before_id, page_size) -> many
-- Of each of these tags the newest tweets between two ids in one text: id, author and whom it answers (0: nobody), each 8
-- bytes in hexadecimal, newest first. Served by tweet_tags_newest alone, with one look for each tag.
select w.tag, array_to_string(array(
    select encode(int8send(u.tweet_id) || int8send(u.author_id) || int8send(coalesce(u.reply_to_author_id, 0)), 'hex')
    from tweet_tags u
    where u.tag = w.tag and u.tweet_id > %(after_id)s and u.tweet_id < %(before_id)s
    order by u.tweet_id desc
    limit %(page_size)s
), '')
from (select unnest(%(tags)s::text[]) as tag) w;

-- :name fetch_packed_above (tags, after_id, before_id, page_size) -> many
-- The same of the oldest between two ids, oldest first. Served by tweet_tags_newest alone, with one look for each tag.
select w.tag, array_to_string(array(
    select encode(int8send(u.tweet_id) || int8send(u.author_id) || int8send(coalesce(u.reply_to_author_id, 0)), 'hex')
    from tweet_tags u
    where u.tag = w.tag and u.tweet_id > %(after_id)s and u.tweet_id < %(before_id)s
    order by u.tweet_id
    limit %(page_size)s
), '')
from (select unnest(%(tags)s::text[]) as tag) w;
