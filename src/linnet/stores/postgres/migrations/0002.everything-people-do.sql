-- Likes, blocks and mutes, tags, mentions, notifications, popular tweets, profiles and leaving. As before, each table is
-- distributed by its first column, the user who owns the row; "tags" belongs to nobody and is written by event workers.

alter table users
    drop column avatar_url,
    -- Which picture of the media store; null: the one that is drawn from the id.
    add column avatar text,
    add column last_active_ms bigint,
    -- When the visit before this one ended: what came since then is news.
    add column previous_visit_ms bigint,
    -- Set: the account is being erased and nobody sees it any more.
    add column deleted_ms bigint;

create unique index tweets_one_pin on tweets (author_id) where pinned;

-- A like, owned by whoever likes; and the note of it under the tweet, owned by the tweet's author and written by the
-- event worker.
create table likes (
    user_id bigint not null,
    tweet_id bigint not null,
    author_id bigint not null,
    id bigint not null,
    primary key (user_id, tweet_id)
);
create index likes_newest on likes (user_id, id desc) include (tweet_id, author_id);

create table tweet_likes (
    author_id bigint not null,
    tweet_id bigint not null,
    user_id bigint not null,
    id bigint not null,
    primary key (author_id, tweet_id, user_id)
);
create index tweet_likes_newest on tweet_likes (author_id, tweet_id, id desc) include (user_id);

-- The two sides of a block, always written together, as those of a follow are.
create table blocks (
    user_id bigint not null,
    blocked_id bigint not null,
    id bigint not null,
    primary key (user_id, blocked_id)
);
create index blocks_newest on blocks (user_id, id desc) include (blocked_id);

create table blocked_by (
    user_id bigint not null,
    blocker_id bigint not null,
    id bigint not null,
    primary key (user_id, blocker_id)
);

create table mutes (
    user_id bigint not null,
    muted_id bigint not null,
    id bigint not null,
    primary key (user_id, muted_id)
);
create index mutes_newest on mutes (user_id, id desc) include (muted_id);
-- Who mutes somebody is looked up when that account is erased, and never else.
create index mutes_muted on mutes (muted_id);

-- Which tweets carry a tag; "tag" is folded, as domain.hashtags.fold_tag does it.
create table tweet_tags (
    author_id bigint not null,
    tweet_id bigint not null,
    tag text not null,
    primary key (author_id, tweet_id, tag)
);
create index tweet_tags_newest on tweet_tags (tag, tweet_id desc) include (author_id);

-- Whom a tweet mentions, owned by the person who is mentioned.
create table mentions (
    user_id bigint not null,
    tweet_id bigint not null,
    author_id bigint not null,
    primary key (user_id, tweet_id)
);
create index mentions_of_tweet on mentions (author_id, tweet_id);

-- What others did that concerns a user: a row for each cause, gone with it. Causes of one kind about one thing are a
-- group: likes and retweets of a tweet, the new followers of a day; each reply and each mention is its own.
create table notifications (
    user_id bigint not null,
    kind text not null,
    group_id bigint not null,
    actor_id bigint not null,
    id bigint not null,
    primary key (user_id, kind, group_id, actor_id)
);
create unique index notifications_newest on notifications (user_id, id desc) include (kind, group_id, actor_id);
create index notifications_of_group on notifications (user_id, kind, group_id, id desc) include (actor_id);
create index notifications_by_actor on notifications (actor_id, user_id);

create table notification_groups (
    user_id bigint not null,
    kind text not null,
    group_id bigint not null,
    newest_id bigint not null,
    people_count bigint not null,
    primary key (user_id, kind, group_id)
);
create index notification_groups_newest on notification_groups (user_id, newest_id desc);

-- The last id given to a notification of a user, and up to which they have read. The row's lock puts the ids of a user
-- into the order of their commits, so that nothing comes in below what was read.
create table notification_states (
    user_id bigint primary key,
    last_id bigint not null,
    read_id bigint not null default 0
);
