-- :name lock_user (user_id) -> value
-- Whether the account is there, and stays with its password as it is until the transaction ends. Served by users_pkey.
select id from users where id = %(user_id)s and deleted_ms is null for share;

-- :name insert (user_id, code_hash, app_id, redirect_uri, scopes, challenge, expires_ms) -> none
-- What a person has just granted.
insert into oauth_codes (user_id, code_hash, app_id, redirect_uri, scopes, challenge, expires_ms)
values (
    %(user_id)s, %(code_hash)s, %(app_id)s, %(redirect_uri)s, %(scopes)s, %(challenge)s, %(expires_ms)s
);

-- :name lock (user_id, code_hash) -> one
-- A code that nobody else redeems until the transaction ends. Served by oauth_codes_pkey.
select user_id, app_id, redirect_uri, scopes, challenge, expires_ms, session_id
from oauth_codes
where user_id = %(user_id)s and code_hash = %(code_hash)s
for update;

-- :name redeem (user_id, code_hash, session_id) -> none
-- A code has become a session. Served by oauth_codes_pkey.
update oauth_codes set session_id = %(session_id)s where user_id = %(user_id)s and code_hash = %(code_hash)s;

-- :name delete (user_id, code_hash) -> none
-- A code is good for nothing any more. Served by oauth_codes_pkey.
delete from oauth_codes where user_id = %(user_id)s and code_hash = %(code_hash)s;

-- :name delete_all (user_id) -> none
-- Everything that somebody granted and nobody redeemed yet. Served by oauth_codes_pkey.
delete from oauth_codes where user_id = %(user_id)s;

-- :name delete_expired (before_ms, page_size) -> none
-- Codes that are too old. Served by oauth_codes_oldest.
delete from oauth_codes where (user_id, code_hash) in (
    select user_id, code_hash from oauth_codes where expires_ms < %(before_ms)s order by expires_ms limit %(page_size)s
);
