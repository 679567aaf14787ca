-- :name fetch_of_tweets (author_ids, tweet_ids) -> many
-- Who has these direct tweets, and in which conversations. Served by directs_of_tweet.
select user_id, conversation_id from directs
where author_id = any(%(author_ids)s::bigint[]) and tweet_id = any(%(tweet_ids)s::bigint[]);

-- :name lock (user_ids, conversation_ids) -> none
-- Makes everybody else who changes these conversations wait, in one order, and notes that their places are to be found
-- again: no committed row has the place 0. Served by conversations_pkey.
insert into conversations (user_id, conversation_id, last_id)
select p.user_id, p.conversation_id, 0
from (
    select unnest(%(user_ids)s::bigint[]) as user_id, unnest(%(conversation_ids)s::bigint[]) as conversation_id
) p
order by p.user_id, p.conversation_id
on conflict (user_id, conversation_id) do update set last_id = 0;

-- :name insert (user_ids, tweet_ids, author_ids, conversation_ids, reply_to_ids) -> many
-- Direct tweets that these people do not have yet; returns those of them that one wrote oneself, which are read. Served by
-- directs_pkey.
with added as (
    insert into directs (user_id, tweet_id, author_id, conversation_id, reply_to_id, unread)
    select n.user_id, n.tweet_id, n.author_id, n.conversation_id, n.reply_to_id, n.user_id <> n.author_id
    from (
        select unnest(%(user_ids)s::bigint[]) as user_id, unnest(%(tweet_ids)s::bigint[]) as tweet_id,
            unnest(%(author_ids)s::bigint[]) as author_id, unnest(%(conversation_ids)s::bigint[]) as conversation_id,
            unnest(%(reply_to_ids)s::bigint[]) as reply_to_id
    ) n
    on conflict do nothing
    returning user_id, author_id, conversation_id, tweet_id
)
select user_id, conversation_id, tweet_id from added where user_id = author_id;

-- :name delete_of_tweets (author_ids, tweet_ids) -> none
-- Direct tweets that are gone, whoever has them. Their conversations must be locked. Served by directs_of_tweet.
delete from directs
where author_id = any(%(author_ids)s::bigint[]) and tweet_id = any(%(tweet_ids)s::bigint[]);

-- :name place (user_ids) -> none
-- Locked conversations stand again where their newest tweet puts them. Served by conversations_newest, and
-- directs_of_conversation for each.
update conversations c
set last_id = coalesce((
    select max(d.tweet_id) from directs d
    where d.user_id = c.user_id and d.conversation_id = c.conversation_id and not d.hidden
), 0)
where c.user_id = any(%(user_ids)s::bigint[]) and c.last_id = 0;

-- :name delete_empty (user_ids) -> none
-- Locked conversations in which nothing is left. Served by conversations_newest.
delete from conversations where user_id = any(%(user_ids)s::bigint[]) and last_id = 0;

-- :name lock_one (user_id, conversation_id) -> value
-- One of somebody's conversations, for whoever changes it; nothing when there is none. Served by conversations_pkey.
select conversation_id from conversations
where user_id = %(user_id)s and conversation_id = %(conversation_id)s
for update;

-- :name mark_read (user_id, conversation_id, before_id) -> none
-- What has come in it below an id is read. It must be locked. Served by directs_unread.
update directs set unread = false
where user_id = %(user_id)s and conversation_id = %(conversation_id)s and tweet_id < %(before_id)s and unread;

-- :name hide (user_id, conversation_id) -> none
-- All that has come in it is put away, and read. It must be locked. Served by directs_of_conversation.
update directs set hidden = true, unread = false
where user_id = %(user_id)s and conversation_id = %(conversation_id)s and not hidden;

-- :name delete (user_id, conversation_id) -> none
-- It stands in no place any more, until something comes. Served by conversations_pkey.
delete from conversations where user_id = %(user_id)s and conversation_id = %(conversation_id)s;

-- :name fetch_below (user_id, before_id, page_size) -> many
-- Somebody's conversations below a cursor, the newest first: the newest tweet in each by somebody whom they may meet, and
-- whether something by such people is unread. One with nobody to meet is left out. Served by conversations_newest, and for
-- each by directs_of_conversation, directs_unread, mutes_pkey, blocks_pkey and blocked_by_pkey.
select c.conversation_id, c.last_id, l.tweet_id, l.author_id, exists (
        select from directs n
        where n.user_id = %(user_id)s and n.conversation_id = c.conversation_id and n.unread
            and not exists (select from mutes m where m.user_id = %(user_id)s and m.muted_id = n.author_id)
            and not exists (select from blocks b where b.user_id = %(user_id)s and b.blocked_id = n.author_id)
            and not exists (select from blocked_by b where b.user_id = %(user_id)s and b.blocker_id = n.author_id)
    )
from conversations c
join lateral (
    select d.tweet_id, d.author_id from directs d
    where d.user_id = %(user_id)s and d.conversation_id = c.conversation_id and not d.hidden
        and not exists (select from mutes m where m.user_id = %(user_id)s and m.muted_id = d.author_id)
        and not exists (select from blocks b where b.user_id = %(user_id)s and b.blocked_id = d.author_id)
        and not exists (select from blocked_by b where b.user_id = %(user_id)s and b.blocker_id = d.author_id)
    order by d.tweet_id desc
    limit 1
) l on true
where c.user_id = %(user_id)s and c.last_id < %(before_id)s
order by c.last_id desc
limit %(page_size)s;

-- :name fetch_above (user_id, after_id, page_size) -> many
-- The same just above a cursor, the oldest first. Served by conversations_newest, and for each by directs_of_conversation,
-- directs_unread, mutes_pkey, blocks_pkey and blocked_by_pkey.
select c.conversation_id, c.last_id, l.tweet_id, l.author_id, exists (
        select from directs n
        where n.user_id = %(user_id)s and n.conversation_id = c.conversation_id and n.unread
            and not exists (select from mutes m where m.user_id = %(user_id)s and m.muted_id = n.author_id)
            and not exists (select from blocks b where b.user_id = %(user_id)s and b.blocked_id = n.author_id)
            and not exists (select from blocked_by b where b.user_id = %(user_id)s and b.blocker_id = n.author_id)
    )
from conversations c
join lateral (
    select d.tweet_id, d.author_id from directs d
    where d.user_id = %(user_id)s and d.conversation_id = c.conversation_id and not d.hidden
        and not exists (select from mutes m where m.user_id = %(user_id)s and m.muted_id = d.author_id)
        and not exists (select from blocks b where b.user_id = %(user_id)s and b.blocked_id = d.author_id)
        and not exists (select from blocked_by b where b.user_id = %(user_id)s and b.blocker_id = d.author_id)
    order by d.tweet_id desc
    limit 1
) l on true
where c.user_id = %(user_id)s and c.last_id > %(after_id)s
order by c.last_id
limit %(page_size)s;

-- :name find (user_id, named_id) -> one
-- The same of one, which is named by itself, or by any direct tweet that is in it. Served by the same, and by directs_pkey.
select c.conversation_id, c.last_id, l.tweet_id, l.author_id, exists (
        select from directs n
        where n.user_id = %(user_id)s and n.conversation_id = c.conversation_id and n.unread
            and not exists (select from mutes m where m.user_id = %(user_id)s and m.muted_id = n.author_id)
            and not exists (select from blocks b where b.user_id = %(user_id)s and b.blocked_id = n.author_id)
            and not exists (select from blocked_by b where b.user_id = %(user_id)s and b.blocker_id = n.author_id)
    )
from conversations c
join lateral (
    select d.tweet_id, d.author_id from directs d
    where d.user_id = %(user_id)s and d.conversation_id = c.conversation_id and not d.hidden
        and not exists (select from mutes m where m.user_id = %(user_id)s and m.muted_id = d.author_id)
        and not exists (select from blocks b where b.user_id = %(user_id)s and b.blocked_id = d.author_id)
        and not exists (select from blocked_by b where b.user_id = %(user_id)s and b.blocker_id = d.author_id)
    order by d.tweet_id desc
    limit 1
) l on true
where c.user_id = %(user_id)s and c.conversation_id = coalesce(
    (select d.conversation_id from directs d where d.user_id = %(user_id)s and d.tweet_id = %(named_id)s),
    %(named_id)s
);

-- :name fetch_directs (user_id, before_id, page_size) -> many
-- Direct tweets that somebody has, as entries below a cursor, newest first; without what they put away. Served by
-- directs_pkey.
select tweet_id, author_id, 0, 0 from directs
where user_id = %(user_id)s and tweet_id < %(before_id)s and not hidden
order by tweet_id desc
limit %(page_size)s;

-- :name fetch_directs_above (user_id, after_id, page_size) -> many
-- The same just above a cursor, oldest first. Served by directs_pkey.
select tweet_id, author_id, 0, 0 from directs
where user_id = %(user_id)s and tweet_id > %(after_id)s and not hidden
order by tweet_id
limit %(page_size)s;

-- :name fetch_answers (user_id, answered_id, answered_author_id, before_id, page_size) -> many
-- Direct tweets that somebody has and that answer a tweet, as entries below a cursor, newest first. Served by
-- directs_answering alone.
select tweet_id, author_id, %(answered_author_id)s::bigint, 0 from directs
where user_id = %(user_id)s and reply_to_id = %(answered_id)s and tweet_id < %(before_id)s
order by tweet_id desc
limit %(page_size)s;

-- :name fetch_answers_above (user_id, answered_id, answered_author_id, after_id, page_size) -> many
-- The same just above a cursor, oldest first. Served by directs_answering alone.
select tweet_id, author_id, %(answered_author_id)s::bigint, 0 from directs
where user_id = %(user_id)s and reply_to_id = %(answered_id)s and tweet_id > %(after_id)s
order by tweet_id
limit %(page_size)s;

-- :name mute (user_id, conversation_id) -> none
-- One row when it is new. Served by conversation_mutes_pkey.
insert into conversation_mutes (user_id, conversation_id) values (%(user_id)s, %(conversation_id)s)
on conflict do nothing;

-- :name unmute (user_id, conversation_id) -> none
-- One row when it was there. Served by conversation_mutes_pkey.
delete from conversation_mutes where user_id = %(user_id)s and conversation_id = %(conversation_id)s;

-- :name fetch_muting (user_ids) -> many
-- Those of these people who want to hear no more of any conversation. Served by conversation_mutes_pkey alone.
select distinct user_id from conversation_mutes where user_id = any(%(user_ids)s::bigint[]);

-- :name fetch_mutes (user_ids, conversation_ids) -> many
-- Which of these people want to hear no more of which of these conversations. Served by conversation_mutes_pkey alone.
select user_id, conversation_id from conversation_mutes
where user_id = any(%(user_ids)s::bigint[]) and conversation_id = any(%(conversation_ids)s::bigint[]);

-- :name fetch_oracle (user_id) -> many
-- The definition of somebody's conversations (docs/decisions/0040-direct.md): all direct tweets that are theirs, or mention
-- or answer them, by what they belong to, without what the person put away and without whom they do not meet. The newest of
-- each, of all that are not put away and of those by people whom they meet. Slow on purpose: but for what the person did
-- themselves it leans on nothing but tweets.
select coalesce(t.conversation_id, t.id), max(t.id), max(t.id) filter (where a.is_met)
from tweets t
left join directs d on d.user_id = %(user_id)s and d.tweet_id = t.id
join lateral (
    select not exists (select from mutes m where m.user_id = %(user_id)s and m.muted_id = t.author_id)
        and not exists (select from blocks b where b.user_id = %(user_id)s and b.blocked_id = t.author_id)
        and not exists (select from blocked_by b where b.user_id = %(user_id)s and b.blocker_id = t.author_id) as is_met
) a on true
where t.visibility = 'direct' and not coalesce(d.hidden, false)
    and (
        t.author_id = %(user_id)s
        or t.reply_to_author_id = %(user_id)s
        or exists (
            select from json_array_elements(t.entities->'mentions') m where (m->>'user_id')::bigint = %(user_id)s
        )
    )
group by 1
having bool_or(a.is_met)
order by 2 desc;
