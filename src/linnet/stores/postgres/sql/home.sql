-- :name find_followed (user_id) -> one
-- Whom a reader follows, which of them are pulled, whom the reader keeps away (blocks, is blocked by or mutes), who is
-- on an exclusive list of theirs, and which tags they follow, all of one moment. Served by following_pkey, blocks_pkey,
-- blocked_by_pkey, mutes_pkey, lists_pkey, list_members_pkey and followed_tags_pkey.
select
    array(select f.followed_id from following f where f.user_id = %(user_id)s),
    array(
        select f.followed_id
        from following f
        join top_users t on t.user_id = f.followed_id
        where f.user_id = %(user_id)s
    ),
    array(
        select b.blocked_id from blocks b where b.user_id = %(user_id)s
        union
        select b.blocker_id from blocked_by b where b.user_id = %(user_id)s
        union
        select m.muted_id from mutes m where m.user_id = %(user_id)s
    ),
    array(
        select m.member_id
        from lists l
        join list_members m on m.user_id = l.user_id and m.list_id = l.id
        where l.user_id = %(user_id)s and l.exclusive and m.member_id <> l.user_id
    ),
    array(select t.tag from followed_tags t where t.user_id = %(user_id)s order by t.tag);

-- :name fetch_slice (author_ids, answered_ids, kept_away, speaker_id, from_id, before_id, page_size) -> many
-- A timeline between two ids, newest first; direct tweets are in none. author_ids: of a home timeline those the viewer follows and does not keep away
-- or set aside, and the viewer; answered_ids: replies to whom are shown, null: to the authors; kept_away: whose tweets are
-- not met in retweets either; speaker_id: all of whose replies are shown, 0: nobody's. The bound from_id keeps the
-- read small; the caller widens it. Served by tweets_pkey alone.
select id, author_id, coalesce(reply_to_author_id, retweet_of_author_id, 0), coalesce(retweet_of_id, 0)
from tweets
where author_id = any(%(author_ids)s::bigint[])
    and id >= %(from_id)s and id < %(before_id)s
    and visibility is distinct from 'direct'
    and (reply_to_author_id is null or author_id = %(speaker_id)s or reply_to_author_id = author_id
        or reply_to_author_id = any(coalesce(%(answered_ids)s::bigint[], %(author_ids)s::bigint[])))
    and (retweet_of_author_id is null or retweet_of_author_id <> all(%(kept_away)s::bigint[]))
order by id desc
limit %(page_size)s;

-- :name fetch_slice_above (author_ids, answered_ids, kept_away, speaker_id, after_id, until_id, page_size) -> many
-- The same just above an id, oldest first. Served by tweets_pkey alone.
select id, author_id, coalesce(reply_to_author_id, retweet_of_author_id, 0), coalesce(retweet_of_id, 0)
from tweets
where author_id = any(%(author_ids)s::bigint[])
    and id > %(after_id)s and id <= %(until_id)s
    and visibility is distinct from 'direct'
    and (reply_to_author_id is null or author_id = %(speaker_id)s or reply_to_author_id = author_id
        or reply_to_author_id = any(coalesce(%(answered_ids)s::bigint[], %(author_ids)s::bigint[])))
    and (retweet_of_author_id is null or retweet_of_author_id <> all(%(kept_away)s::bigint[]))
order by id
limit %(page_size)s;

-- :name fetch_oracle (user_id, before_id, page_size) -> many
-- The definition of a home timeline (docs/architecture.md): every page that linnet serves equals a page of this. Slow on
-- purpose: it leans on nothing but the truth.
select t.id, t.author_id, coalesce(t.reply_to_author_id, t.retweet_of_author_id, 0), coalesce(t.retweet_of_id, 0)
from tweets t
where t.id < %(before_id)s
    -- What is said to somebody in particular is read among messages, also by who says it.
    and t.visibility is distinct from 'direct'
    and (
        (
            (
                t.author_id = %(user_id)s
                or exists (select from following f where f.user_id = %(user_id)s and f.followed_id = t.author_id)
            )
            and (
                t.reply_to_author_id is null
                or t.author_id = %(user_id)s
                or t.reply_to_author_id = %(user_id)s
                or t.reply_to_author_id = t.author_id
                or exists (
                    select from following f where f.user_id = %(user_id)s and f.followed_id = t.reply_to_author_id
                )
            )
        )
        -- Whoever follows a tag has its tweets, whoever writes them and whomever they answer.
        or (
            t.visibility is null
            and t.retweet_of_id is null
            and exists (
                select from followed_tags f
                join tweet_tags g on g.tag = f.tag
                where f.user_id = %(user_id)s and g.author_id = t.author_id and g.tweet_id = t.id
            )
        )
    )
    and (
        t.retweet_of_id is null
        or exists (select from tweets o where o.author_id = t.retweet_of_author_id and o.id = t.retweet_of_id)
    )
    and not exists (
        select from (
            select b.blocked_id as user_id from blocks b where b.user_id = %(user_id)s
            union all
            select b.blocker_id from blocked_by b where b.user_id = %(user_id)s
            union all
            select m.muted_id from mutes m where m.user_id = %(user_id)s
        ) kept_away
        where kept_away.user_id = t.author_id
            or kept_away.user_id = t.retweet_of_author_id
            or (kept_away.user_id = t.reply_to_author_id and t.author_id <> %(user_id)s)
    )
    and not exists (
        select from lists l
        join list_members m on m.user_id = l.user_id and m.list_id = l.id
        where l.user_id = %(user_id)s and l.exclusive and m.member_id = t.author_id and t.author_id <> %(user_id)s
    )
    and not exists (
        select from users u where u.id in (t.author_id, t.retweet_of_author_id) and u.deleted_ms is not null
    )
order by t.id desc
limit %(page_size)s;
