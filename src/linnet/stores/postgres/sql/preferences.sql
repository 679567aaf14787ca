-- :name find (user_id) -> one
-- With what somebody's apps begin a post. Served by preferences_pkey.
select visibility, sensitive, language from preferences where user_id = %(user_id)s;

-- :name put (user_id, visibility, sensitive, language) -> none
-- In the place of what it was; for nobody who is leaving. Served by preferences_pkey and users_pkey.
insert into preferences (user_id, visibility, sensitive, language)
select u.id, %(visibility)s, %(sensitive)s, %(language)s from users u
where u.id = %(user_id)s and u.deleted_ms is null
on conflict (user_id) do update
set visibility = excluded.visibility, sensitive = excluded.sensitive, language = excluded.language;
