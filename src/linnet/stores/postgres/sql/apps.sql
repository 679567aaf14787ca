-- :name insert (app_id, name, website, redirect_uris, scopes, secret_hash) -> none
-- An app that nobody has let in yet.
insert into apps (id, name, website, redirect_uris, scopes, secret_hash)
values (%(app_id)s, %(name)s, %(website)s, %(redirect_uris)s, %(scopes)s, %(secret_hash)s);

-- :name find (app_id) -> one
-- An app by its id. Served by apps_pkey.
select id, name, website, redirect_uris, scopes, secret_hash, token_hash, tokens_count from apps where id = %(app_id)s;

-- :name mark_used (app_id, now_ms) -> none
-- It stays: somebody lets it in. Once is enough. Served by apps_pkey.
update apps set used_ms = %(now_ms)s where id = %(app_id)s and used_ms is null;

-- :name put_token (app_id, tokens_count, token_hash, now_ms) -> none
-- The app's own token is good, unless it was taken back meanwhile. Served by apps_pkey.
update apps set token_hash = %(token_hash)s, used_ms = coalesce(used_ms, %(now_ms)s)
where id = %(app_id)s and tokens_count = %(tokens_count)s;

-- :name take_token (app_id, token_hash) -> none
-- The app's own token is good no more, and the next one is another. Served by apps_pkey.
update apps set token_hash = null, tokens_count = tokens_count + 1
where id = %(app_id)s and token_hash = %(token_hash)s;

-- :name delete_unused (before_id, page_size) -> none
-- Apps that registered and never came back. Served by apps_unused.
delete from apps where id in (
    select id from apps where used_ms is null and id < %(before_id)s order by id limit %(page_size)s
);
