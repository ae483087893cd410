//! Both services in this process, and a browser without scripts.

mod auth_service;
mod forms;
mod grants;
mod requests;
mod response;
mod site;
mod time;
mod tls;

pub(crate) use self::{
    forms::form_token,
    requests::with_headers,
    response::{assert_problem, cookie_of, header},
    site::Site,
    time::until,
};

pub(crate) const PASSWORD: &str = "correct horse battery staple";
const SECRET: &str = "SzM1q8VbE2xYw7RkT0nLd5HcJf9GpA4u";
