//! The test plans of the OpenID conformance suite, as far as they concern what is built: each module of a plan is a test of its name. What
//! the suite itself checks, a browser's way through the provider and its answers, is checked by the requests of a relying party.

mod backchannel_logout;
mod basic_op;
mod basic_op_request_objects;
mod config_op;
mod fapi2;
mod relying_party;
mod rp_initiated_logout;
