create table apps (
    id bigint not null,
    name text not null,
    website text,
    redirect_uris text[] not null,
    scopes text not null,
    secret_hash bytea not null,
    token_hash bytea,
    tokens_count integer not null default 0,
    used_ms bigint,
    constraint apps_pkey PRIMARY KEY (id)
);
create table attachments (
    owner_id bigint not null,
    id bigint not null,
    name text not null,
    state text not null default 'new'::text,
    tweet_id bigint,
    scheduled_id bigint,
    waits_since_ms bigint not null,
    width integer not null default 0,
    height integer not null default 0,
    small_width integer not null default 0,
    small_height integer not null default 0,
    blurhash text not null default ''::text,
    description text not null default ''::text,
    focus_x double precision not null default 0,
    focus_y double precision not null default 0,
    constraint attachments_pkey PRIMARY KEY (owner_id, id)
);
create table blocked_by (
    user_id bigint not null,
    blocker_id bigint not null,
    id bigint not null,
    constraint blocked_by_pkey PRIMARY KEY (user_id, blocker_id)
);
create table blocks (
    user_id bigint not null,
    blocked_id bigint not null,
    id bigint not null,
    constraint blocks_pkey PRIMARY KEY (user_id, blocked_id)
);
create table bookmarks (
    user_id bigint not null,
    tweet_id bigint not null,
    author_id bigint not null,
    id bigint not null,
    constraint bookmarks_pkey PRIMARY KEY (user_id, tweet_id)
);
create table conversation_mutes (
    user_id bigint not null,
    conversation_id bigint not null,
    constraint conversation_mutes_pkey PRIMARY KEY (user_id, conversation_id)
);
create table conversations (
    user_id bigint not null,
    conversation_id bigint not null,
    last_id bigint not null,
    constraint conversations_pkey PRIMARY KEY (user_id, conversation_id)
);
create table directs (
    user_id bigint not null,
    tweet_id bigint not null,
    author_id bigint not null,
    conversation_id bigint not null,
    reply_to_id bigint,
    unread boolean not null,
    hidden boolean not null default false,
    constraint directs_pkey PRIMARY KEY (user_id, tweet_id)
);
create table dismissed_suggestions (
    user_id bigint not null,
    other_id bigint not null,
    id bigint not null,
    constraint dismissed_suggestions_pkey PRIMARY KEY (user_id, other_id)
);
create table emails (
    email text not null,
    user_id bigint not null,
    constraint emails_pkey PRIMARY KEY (email)
);
create table endorsements (
    user_id bigint not null,
    other_id bigint not null,
    id bigint not null,
    constraint endorsements_pkey PRIMARY KEY (user_id, other_id)
);
create table event_workers (
    id bigint not null,
    seen_at timestamp with time zone not null,
    constraint event_workers_pkey PRIMARY KEY (id)
);
create table featured_tags (
    user_id bigint not null,
    tag text not null,
    display text not null,
    id bigint not null,
    constraint featured_tags_pkey PRIMARY KEY (user_id, tag)
);
create table filter_tweets (
    user_id bigint not null,
    filter_id bigint not null,
    tweet_id bigint not null,
    author_id bigint not null,
    id bigint not null,
    constraint filter_tweets_pkey PRIMARY KEY (user_id, filter_id, tweet_id)
);
create table filters (
    user_id bigint not null,
    version bigint not null,
    document json not null,
    constraint filters_pkey PRIMARY KEY (user_id)
);
create table follow_changes (
    user_id bigint not null,
    id bigint not null,
    constraint follow_changes_pkey PRIMARY KEY (user_id)
);
create table follow_requesters (
    user_id bigint not null,
    requester_id bigint not null,
    id bigint not null,
    constraint follow_requesters_pkey PRIMARY KEY (user_id, requester_id)
);
create table follow_requests (
    user_id bigint not null,
    followed_id bigint not null,
    id bigint not null,
    constraint follow_requests_pkey PRIMARY KEY (user_id, followed_id)
);
create table followed_tags (
    user_id bigint not null,
    tag text not null,
    display text not null,
    id bigint not null,
    constraint followed_tags_pkey PRIMARY KEY (user_id, tag)
);
create table followers (
    user_id bigint not null,
    follower_id bigint not null,
    id bigint not null,
    constraint followers_pkey PRIMARY KEY (user_id, follower_id)
);
create table following (
    user_id bigint not null,
    followed_id bigint not null,
    id bigint not null,
    constraint following_pkey PRIMARY KEY (user_id, followed_id)
);
create table idempotency_keys (
    user_id bigint not null,
    key text not null,
    request_hash bytea not null,
    tweet_id bigint not null,
    created_at timestamp with time zone not null default now(),
    constraint idempotency_keys_pkey PRIMARY KEY (user_id, key)
);
create table installation (
    key text not null,
    value text not null,
    constraint installation_pkey PRIMARY KEY (key)
);
create table likes (
    user_id bigint not null,
    tweet_id bigint not null,
    author_id bigint not null,
    id bigint not null,
    constraint likes_pkey PRIMARY KEY (user_id, tweet_id)
);
create table list_members (
    user_id bigint not null,
    list_id bigint not null,
    member_id bigint not null,
    id bigint not null,
    constraint list_members_pkey PRIMARY KEY (user_id, list_id, member_id)
);
create table lists (
    user_id bigint not null,
    id bigint not null,
    title text not null,
    replies text not null,
    exclusive boolean not null default false,
    constraint lists_pkey PRIMARY KEY (user_id, id)
);
create table markers (
    user_id bigint not null,
    timeline text not null,
    last_read_id bigint not null,
    version bigint not null,
    updated_ms bigint not null,
    constraint markers_pkey PRIMARY KEY (user_id, timeline)
);
create table mentions (
    user_id bigint not null,
    tweet_id bigint not null,
    author_id bigint not null,
    constraint mentions_pkey PRIMARY KEY (user_id, tweet_id)
);
create table mutes (
    user_id bigint not null,
    muted_id bigint not null,
    id bigint not null,
    until_ms bigint,
    constraint mutes_pkey PRIMARY KEY (user_id, muted_id)
);
create table notification_groups (
    user_id bigint not null,
    kind text not null,
    group_id bigint not null,
    newest_id bigint not null,
    people_count bigint not null,
    constraint notification_groups_pkey PRIMARY KEY (user_id, kind, group_id)
);
create table notification_states (
    user_id bigint not null,
    last_id bigint not null,
    read_id bigint not null default 0,
    constraint notification_states_pkey PRIMARY KEY (user_id)
);
create table notifications (
    user_id bigint not null,
    kind text not null,
    group_id bigint not null,
    actor_id bigint not null,
    id bigint not null,
    constraint notifications_pkey PRIMARY KEY (user_id, kind, group_id, actor_id)
);
create table oauth_codes (
    user_id bigint not null,
    code_hash bytea not null,
    app_id bigint not null,
    redirect_uri text not null,
    scopes text not null,
    challenge text,
    expires_ms bigint not null,
    session_id bigint,
    constraint oauth_codes_pkey PRIMARY KEY (user_id, code_hash)
);
create table outbox (
    actor_id bigint not null,
    id bigint not null,
    lane smallint not null,
    kind text not null,
    payload jsonb not null,
    appended_at timestamp with time zone not null default now(),
    attempts smallint not null default 0,
    retry_at timestamp with time zone,
    constraint outbox_pkey PRIMARY KEY (actor_id, id)
);
create table parked_events (
    actor_id bigint not null,
    id bigint not null,
    lane smallint not null,
    kind text not null,
    payload jsonb not null,
    appended_at timestamp with time zone not null,
    attempts smallint not null,
    reason text not null,
    parked_at timestamp with time zone not null default now(),
    constraint parked_events_pkey PRIMARY KEY (actor_id, id)
);
create table popular (
    author_id bigint not null,
    tweet_id bigint not null,
    reply_to_author_id bigint,
    engagement_ms bigint not null,
    reach_ms bigint not null,
    score_ms bigint not null generated always as (((tweet_id >> 16) + engagement_ms) + reach_ms) stored,
    constraint popular_pkey PRIMARY KEY (author_id, tweet_id)
);
create table preferences (
    user_id bigint not null,
    visibility text not null default 'public'::text,
    sensitive boolean not null default false,
    language text,
    constraint preferences_pkey PRIMARY KEY (user_id)
);
create table push_subscriptions (
    user_id bigint not null,
    session_id bigint not null,
    id bigint not null,
    endpoint text not null,
    public_key bytea not null,
    auth bytea not null,
    standard boolean not null,
    alerts text not null,
    policy text not null,
    token bytea,
    base_url text not null,
    sent_id bigint not null,
    due_ms bigint,
    held_ms bigint not null default 0,
    calm_ms bigint not null default 0,
    failures integer not null default 0,
    failing_ms bigint,
    constraint push_subscriptions_pkey PRIMARY KEY (user_id, session_id)
);
create table remarks (
    user_id bigint not null,
    about_id bigint not null,
    text text not null,
    constraint remarks_pkey PRIMARY KEY (user_id, about_id)
);
create table replies (
    author_id bigint not null,
    tweet_id bigint not null,
    reply_id bigint not null,
    reply_author_id bigint not null,
    constraint replies_pkey PRIMARY KEY (author_id, tweet_id, reply_id)
);
create table reports (
    user_id bigint not null,
    id bigint not null,
    about_id bigint not null,
    tweet_ids bigint[] not null,
    category text not null,
    comment text not null,
    rules text[] not null,
    resolved_ms bigint,
    resolution text not null default ''::text,
    constraint reports_pkey PRIMARY KEY (user_id, id)
);
create table retweets (
    author_id bigint not null,
    tweet_id bigint not null,
    user_id bigint not null,
    retweet_id bigint not null,
    constraint retweets_pkey PRIMARY KEY (author_id, tweet_id, user_id)
);
create table scheduled_tweets (
    user_id bigint not null,
    id bigint not null,
    due_ms bigint not null,
    draft json not null,
    failure text,
    constraint scheduled_tweets_pkey PRIMARY KEY (user_id, id)
);
create table sessions (
    user_id bigint not null,
    id bigint not null,
    token_hash bytea not null,
    device text not null,
    last_used_ms bigint not null,
    app_id bigint,
    scopes text,
    constraint sessions_pkey PRIMARY KEY (user_id, id),
    constraint sessions_token UNIQUE (user_id, token_hash)
);
create table tag_people (
    user_id bigint not null,
    tag text not null,
    last_id bigint not null,
    constraint tag_people_pkey PRIMARY KEY (user_id, tag)
);
create table tags (
    tag text not null,
    display text not null,
    display_author_id bigint,
    display_tweet_id bigint,
    tweets_count bigint not null default 0,
    people_count bigint not null default 0,
    rank double precision,
    trends boolean not null default false,
    is_hidden boolean not null default false,
    pinned_id bigint,
    constraint tags_pkey PRIMARY KEY (tag)
);
create table top_users (
    user_id bigint not null,
    since_id bigint,
    until_id bigint,
    constraint top_users_pkey PRIMARY KEY (user_id)
);
create table tweet_documents (
    author_id bigint not null,
    tweet_id bigint not null,
    reply_to_author_id bigint,
    document tsvector not null,
    constraint tweet_documents_pkey PRIMARY KEY (author_id, tweet_id)
);
create table tweet_likes (
    author_id bigint not null,
    tweet_id bigint not null,
    user_id bigint not null,
    id bigint not null,
    constraint tweet_likes_pkey PRIMARY KEY (author_id, tweet_id, user_id)
);
create table tweet_tags (
    author_id bigint not null,
    tweet_id bigint not null,
    tag text not null,
    reply_to_author_id bigint,
    constraint tweet_tags_pkey PRIMARY KEY (author_id, tweet_id, tag)
);
create table tweet_versions (
    author_id bigint not null,
    tweet_id bigint not null,
    since_ms bigint not null,
    text text not null,
    entities json,
    attachments json,
    warning text,
    sensitive boolean not null,
    constraint tweet_versions_pkey PRIMARY KEY (author_id, tweet_id, since_ms)
);
create table tweet_votes (
    author_id bigint not null,
    tweet_id bigint not null,
    user_id bigint not null,
    choices smallint not null,
    constraint tweet_votes_pkey PRIMARY KEY (author_id, tweet_id, user_id)
);
create table tweets (
    author_id bigint not null,
    id bigint not null,
    text text not null,
    reply_to_id bigint,
    reply_to_author_id bigint,
    retweet_of_id bigint,
    retweet_of_author_id bigint,
    entities json,
    replies_count bigint not null default 0,
    retweets_count bigint not null default 0,
    likes_count bigint not null default 0,
    pinned boolean not null default false,
    version bigint not null default 1,
    attachments json,
    warning text,
    sensitive boolean not null default false,
    visibility text,
    conversation_id bigint,
    poll json,
    poll_ending_ms bigint,
    poll_voters bigint,
    poll_votes bigint[],
    edited_ms bigint,
    constraint tweets_pkey PRIMARY KEY (author_id, id) INCLUDE (reply_to_author_id, retweet_of_author_id, retweet_of_id, visibility),
    constraint tweets_visibility_check CHECK ((visibility = ANY (ARRAY['unlisted'::text, 'private'::text, 'direct'::text])))
);
create table usernames (
    username text not null,
    user_id bigint not null,
    constraint usernames_pkey PRIMARY KEY (username)
);
create table users (
    id bigint not null,
    username text not null,
    name text not null,
    email text not null,
    phone text,
    bio text not null default ''::text,
    location text not null default ''::text,
    password_hash text not null,
    tweets_count bigint not null default 0,
    followers_count bigint not null default 0,
    following_count bigint not null default 0,
    is_top boolean not null default false,
    version bigint not null default 1,
    avatar text,
    last_active_ms bigint,
    previous_visit_ms bigint,
    header text,
    fields text[] not null default '{}'::text[],
    is_bot boolean not null default false,
    is_discoverable boolean not null default true,
    is_indexable boolean not null default true,
    deleted_ms bigint,
    locked boolean not null default false,
    constraint users_pkey PRIMARY KEY (id)
);
create table valkey_history (
    one boolean not null default true,
    generation bigint not null,
    server text not null,
    constraint valkey_history_pkey PRIMARY KEY (one),
    constraint valkey_history_one_check CHECK (one)
);
create table view_changes (
    user_id bigint not null,
    id bigint not null,
    other_id bigint not null,
    constraint view_changes_pkey PRIMARY KEY (user_id, id, other_id)
);
create table votes (
    user_id bigint not null,
    tweet_id bigint not null,
    author_id bigint not null,
    choices smallint not null,
    version bigint,
    constraint votes_pkey PRIMARY KEY (user_id, tweet_id)
);
create table worker_leases (
    worker smallint not null,
    holder bytea not null,
    from_ms bigint not null,
    until_ms bigint not null,
    expires_at timestamp with time zone not null,
    constraint worker_leases_pkey PRIMARY KEY (worker)
);
CREATE INDEX apps_unused ON public.apps USING btree (id) WHERE (used_ms IS NULL);
CREATE INDEX attachments_name ON public.attachments USING btree (name);
CREATE INDEX attachments_of_tweet ON public.attachments USING btree (owner_id, tweet_id) WHERE (tweet_id IS NOT NULL);
CREATE INDEX attachments_scheduled ON public.attachments USING btree (owner_id, scheduled_id) WHERE (scheduled_id IS NOT NULL);
CREATE INDEX attachments_waiting ON public.attachments USING btree (owner_id, id) WHERE (tweet_id IS NULL);
CREATE INDEX blocks_newest ON public.blocks USING btree (user_id, id DESC) INCLUDE (blocked_id);
CREATE INDEX bookmarks_newest ON public.bookmarks USING btree (user_id, id DESC) INCLUDE (tweet_id, author_id);
CREATE INDEX bookmarks_tweet ON public.bookmarks USING btree (author_id, tweet_id);
CREATE INDEX conversations_newest ON public.conversations USING btree (user_id, last_id DESC) INCLUDE (conversation_id);
CREATE INDEX directs_answering ON public.directs USING btree (user_id, reply_to_id, tweet_id DESC) INCLUDE (author_id) WHERE (reply_to_id IS NOT NULL);
CREATE INDEX directs_of_conversation ON public.directs USING btree (user_id, conversation_id, tweet_id DESC) INCLUDE (author_id) WHERE (NOT hidden);
CREATE INDEX directs_of_tweet ON public.directs USING btree (author_id, tweet_id);
CREATE INDEX directs_unread ON public.directs USING btree (user_id, conversation_id) INCLUDE (author_id) WHERE unread;
CREATE INDEX dismissed_suggestions_other ON public.dismissed_suggestions USING btree (other_id);
CREATE INDEX endorsements_other ON public.endorsements USING btree (other_id);
CREATE INDEX filter_tweets_tweet ON public.filter_tweets USING btree (author_id, tweet_id);
CREATE INDEX follow_requesters_newest ON public.follow_requesters USING btree (user_id, id DESC) INCLUDE (requester_id);
CREATE INDEX followed_tags_newest ON public.followed_tags USING btree (user_id, id DESC) INCLUDE (tag, display);
CREATE INDEX followers_newest ON public.followers USING btree (user_id, id DESC) INCLUDE (follower_id);
CREATE INDEX following_newest ON public.following USING btree (user_id, id DESC) INCLUDE (followed_id);
CREATE INDEX idempotency_keys_oldest ON public.idempotency_keys USING btree (created_at);
CREATE INDEX likes_newest ON public.likes USING btree (user_id, id DESC) INCLUDE (tweet_id, author_id);
CREATE INDEX list_members_member ON public.list_members USING btree (member_id, user_id) INCLUDE (list_id);
CREATE INDEX list_members_newest ON public.list_members USING btree (user_id, list_id, id DESC) INCLUDE (member_id);
CREATE INDEX mentions_of_tweet ON public.mentions USING btree (author_id, tweet_id);
CREATE INDEX mutes_ending ON public.mutes USING btree (until_ms) WHERE (until_ms IS NOT NULL);
CREATE INDEX mutes_muted ON public.mutes USING btree (muted_id);
CREATE INDEX mutes_newest ON public.mutes USING btree (user_id, id DESC) INCLUDE (muted_id);
CREATE INDEX notification_groups_newest ON public.notification_groups USING btree (user_id, newest_id DESC);
CREATE INDEX notifications_by_actor ON public.notifications USING btree (actor_id, user_id);
CREATE UNIQUE INDEX notifications_newest ON public.notifications USING btree (user_id, id DESC) INCLUDE (kind, group_id, actor_id);
CREATE INDEX notifications_of_group ON public.notifications USING btree (user_id, kind, group_id, id DESC) INCLUDE (actor_id);
CREATE INDEX oauth_codes_oldest ON public.oauth_codes USING btree (expires_ms);
CREATE INDEX outbox_lane ON public.outbox USING btree (lane, id);
CREATE INDEX outbox_retries ON public.outbox USING btree (retry_at) WHERE (retry_at IS NOT NULL);
CREATE INDEX popular_best ON public.popular USING btree (score_ms DESC, tweet_id DESC) INCLUDE (author_id, reply_to_author_id);
CREATE INDEX popular_by_author ON public.popular USING btree (author_id, score_ms DESC, tweet_id DESC) INCLUDE (reply_to_author_id);
CREATE INDEX push_subscriptions_due ON public.push_subscriptions USING btree (due_ms) WHERE (due_ms IS NOT NULL);
CREATE INDEX remarks_about ON public.remarks USING btree (about_id);
CREATE INDEX reports_about ON public.reports USING btree (about_id);
CREATE INDEX reports_newest ON public.reports USING btree (id);
CREATE UNIQUE INDEX reports_open ON public.reports USING btree (user_id, about_id, tweet_ids) WHERE (resolved_ms IS NULL);
CREATE INDEX reports_waiting ON public.reports USING btree (id) WHERE (resolved_ms IS NULL);
CREATE INDEX retweets_newest ON public.retweets USING btree (author_id, tweet_id, retweet_id DESC) INCLUDE (user_id);
CREATE INDEX scheduled_tweets_due ON public.scheduled_tweets USING btree (due_ms, id) WHERE (failure IS NULL);
CREATE INDEX tag_people_of_tag ON public.tag_people USING btree (tag, last_id);
CREATE INDEX tag_people_oldest ON public.tag_people USING btree (last_id);
CREATE INDEX tags_hidden ON public.tags USING btree (tag) WHERE is_hidden;
CREATE INDEX tags_most_used ON public.tags USING btree (tweets_count DESC, tag) WHERE (tweets_count > 0);
CREATE INDEX tags_pinned ON public.tags USING btree (pinned_id) WHERE (pinned_id IS NOT NULL);
CREATE INDEX tags_trending ON public.tags USING btree (rank DESC, tag) WHERE trends;
CREATE INDEX tweet_documents_newest ON public.tweet_documents USING btree (tweet_id DESC);
CREATE INDEX tweet_documents_words ON public.tweet_documents USING gin (document) WITH (gin_pending_list_limit='512');
CREATE INDEX tweet_likes_newest ON public.tweet_likes USING btree (author_id, tweet_id, id DESC) INCLUDE (user_id);
CREATE INDEX tweet_tags_newest ON public.tweet_tags USING btree (tag, tweet_id DESC) INCLUDE (author_id, reply_to_author_id);
CREATE INDEX tweet_tags_of_author ON public.tweet_tags USING btree (author_id, tag, tweet_id DESC);
CREATE INDEX tweets_newest ON public.tweets USING btree (id DESC);
CREATE INDEX tweets_newest_with_attachments ON public.tweets USING btree (id DESC) WHERE (attachments IS NOT NULL);
CREATE UNIQUE INDEX tweets_one_pin ON public.tweets USING btree (author_id) WHERE pinned;
CREATE UNIQUE INDEX tweets_one_retweet ON public.tweets USING btree (author_id, retweet_of_id) WHERE (retweet_of_id IS NOT NULL);
CREATE INDEX tweets_polls_ending ON public.tweets USING btree (poll_ending_ms) WHERE (poll_ending_ms IS NOT NULL);
CREATE INDEX tweets_with_attachments ON public.tweets USING btree (author_id, id DESC) INCLUDE (reply_to_author_id) WHERE (attachments IS NOT NULL);
CREATE INDEX tweets_with_polls ON public.tweets USING btree (author_id, id) WHERE (poll IS NOT NULL);
CREATE INDEX users_avatar ON public.users USING btree (avatar) WHERE (avatar IS NOT NULL);
CREATE INDEX users_header ON public.users USING btree (header) WHERE (header IS NOT NULL);
CREATE INDEX users_most_followed ON public.users USING btree (followers_count DESC, id DESC) WHERE (deleted_ms IS NULL);
CREATE INDEX users_names ON public.users USING gin (name_keys(username, name)) WHERE (deleted_ms IS NULL);
CREATE INDEX users_username ON public.users USING btree (username text_pattern_ops) WHERE (deleted_ms IS NULL);
CREATE INDEX view_changes_newest ON public.view_changes USING btree (id) INCLUDE (user_id, other_id);
alter table outbox set (autovacuum_vacuum_scale_factor=0.02, autovacuum_vacuum_threshold=2000);
-- also: function fold_name
-- also: function name_keys
