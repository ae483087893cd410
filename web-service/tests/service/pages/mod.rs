//! Pages and their forms.

mod external_redirect;
mod login;
mod logins;
mod logout;
mod password;
mod trailing_slash;
