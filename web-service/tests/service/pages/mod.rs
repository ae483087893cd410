//! Pages and their forms.

mod applications;
mod external_redirect;
mod login;
mod login_factor;
mod login_passkey;
mod logins;
mod logout;
mod notices;
mod password;
mod passwordless;
mod security;
mod trailing_slash;
