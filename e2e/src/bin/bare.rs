//! A bare axum handler with the response of `GET /api/profile`: the baseline for the cost of a check.

use axum::{Json, Router, routing::get};
use serde_json::{Value, json};
use tokio::net::TcpListener;

async fn profile() -> Json<Value> {
    Json(json!({
        "logged_in_as": "ada",
        "sub": "67e55044-10b1-426f-9247-bb680e5fe0c8",
        "sid": "a3bb189e-8bf9-4c4e-9bbb-3d6b2a4f3c11",
        "scope": "profile",
        "expires_at": "2027-01-01T12:00:00Z",
    }))
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the caller reads the port from it")]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    println!(r#"{{"message":"listening","address":"{address}"}}"#);
    axum::serve(listener, Router::new().route("/profile", get(profile))).await
}
