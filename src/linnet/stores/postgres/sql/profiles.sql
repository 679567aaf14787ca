-- :name update (user_id, name, bio, location, sets_phone, phone, locked, fields, is_bot, is_discoverable, is_indexable) -> value
-- Changes what is given, leaves what is null (and the phone unless it is to be set), and returns the new version.
-- Served by users_pkey.
update users
set name = coalesce(%(name)s, name),
    bio = coalesce(%(bio)s, bio),
    location = coalesce(%(location)s, location),
    phone = case when %(sets_phone)s then %(phone)s else phone end,
    locked = coalesce(%(locked)s, locked),
    fields = coalesce(%(fields)s::text[], fields),
    is_bot = coalesce(%(is_bot)s, is_bot),
    is_discoverable = coalesce(%(is_discoverable)s, is_discoverable),
    is_indexable = coalesce(%(is_indexable)s, is_indexable),
    version = version + 1
where id = %(user_id)s and deleted_ms is null
returning version;

-- :name fetch_versions (user_ids) -> many
-- The versions of rows as they are now, also of those that are being erased. Served by users_pkey.
select id, version from users where id = any(%(user_ids)s::bigint[]);

-- :name find_activity (user_id) -> one
-- When somebody was last active, and when the visit before ended. Served by users_pkey.
select last_active_ms, previous_visit_ms from users where id = %(user_id)s;

-- :name note_activity (user_id, active_ms, step_ms, silence_ms) -> value
-- Notes that somebody was active, unless that is known to within a step: so several processes write it once. After a
-- silence the old time becomes the end of the visit before. Returns what is stored. Served by users_pkey.
with noted as (
    update users
    set previous_visit_ms = case
            when last_active_ms < %(active_ms)s::bigint - %(silence_ms)s::bigint then last_active_ms
            else previous_visit_ms
        end,
        last_active_ms = %(active_ms)s::bigint
    where id = %(user_id)s
        and deleted_ms is null
        and (last_active_ms is null or last_active_ms <= %(active_ms)s::bigint - %(step_ms)s::bigint)
    returning last_active_ms
)
select last_active_ms from noted
union all
select last_active_ms from users where id = %(user_id)s and not exists (select from noted);

-- :name lock_avatar (number) -> none
-- Waits until nobody else chooses or deletes the picture, and keeps others waiting until the commit.
select pg_advisory_xact_lock(1635148148, %(number)s);

-- :name lock_deletion (lock_key) -> value
-- Whether pictures may be deleted just now, and then until the commit: not while a backup or a move reads them, and not
-- where a place has moved away from, since they may be those of people who live elsewhere by now.
select pg_try_advisory_xact_lock_shared(%(lock_key)s) and to_regclass('linnet_move.moved') is null;

-- :name lock_row (user_id) -> one
-- A user's pictures, and whether the account is being erased, which both stay so until the commit. Served by users_pkey.
select avatar, header, deleted_ms is not null from users where id = %(user_id)s for no key update;

-- :name update_avatar (user_id, avatar) -> value
-- Another picture, or none; returns the row's new version. Served by users_pkey.
update users set avatar = %(avatar)s, version = version + 1 where id = %(user_id)s returning version;

-- :name update_header (user_id, header) -> value
-- Another picture above the profile, or none; returns the row's new version. Served by users_pkey.
update users set header = %(header)s, version = version + 1 where id = %(user_id)s returning version;

-- :name fetch_avatars_among (avatars) -> many
-- Which of these pictures somebody has, for whatever. Served by users_avatar and users_header.
select avatar from users where avatar = any(%(avatars)s::text[]) and avatar is not null
union
select header from users where header = any(%(avatars)s::text[]) and header is not null;
