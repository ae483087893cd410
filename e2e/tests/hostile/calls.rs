//! Every RPC of auth-service, with bytes that are not a valid message.

use std::time::Duration;

use auth_proto::FILE_DESCRIPTOR_SET;
use e2e::pair::{PASSWORD, Pair};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::http::uri::PathAndQuery,
    transport::{Channel, Endpoint},
};

use crate::seed::{Seed, tries};

/// A codec that passes bytes on unchanged.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = ();
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put_slice(buffer, &item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = ();
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<()>, Status> {
        let length = bytes::Buf::remaining(buffer);
        bytes::Buf::advance(buffer, length);
        Ok(Some(()))
    }
}

/// All RPCs, from the descriptors of the contract.
fn methods() -> Vec<String> {
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file;
    let own = files.iter().filter(|file| file.package() == "auth.v1");
    let methods: Vec<_> = own
        .flat_map(|file| &file.service)
        .flat_map(|service| {
            let name = |method: &str| format!("/auth.v1.{}/{method}", service.name());
            service.method.iter().map(move |method| name(method.name()))
        })
        .collect();
    assert!(methods.len() > 20, "{methods:?}");
    methods
}

fn messages(seed: &mut Seed) -> Vec<Vec<u8>> {
    let field = |number: u8, bytes: &[u8]| {
        [
            &[number << 3 | 2, u8::try_from(bytes.len()).unwrap()],
            bytes,
        ]
        .concat()
    };
    let mut messages = vec![
        vec![],
        // A string that is not UTF-8, in every field.
        (1..12)
            .flat_map(|number| field(number, b"\xff\xfe\x00"))
            .collect(),
        // A text in place of a message, and a repeated field.
        (1..12)
            .flat_map(|number| field(number, b"'; DROP TABLE users; --"))
            .collect(),
        field(1, b"ada").repeat(1000),
        // A length beyond the end, an endless number, nested groups.
        vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f],
        vec![
            0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        ],
        vec![0x0b; 20_000],
        field(1, &field(1, &field(1, &field(1, b"\x0a\x00")))),
        vec![0; 65 * 1024],
    ];
    messages.extend((0..tries(10)).map(|_| seed.bytes(200)));
    messages
}

fn metadata() -> Vec<(&'static str, String)> {
    vec![
        ("x-nothing", String::new()),
        ("authorization", format!("Bearer {}", "x".repeat(9000))),
        ("authorization", "Bearer a.b.c".to_owned()),
        ("holdfast-service-secret", "guessed".to_owned()),
        ("grpc-timeout", "0n".to_owned()),
        ("grpc-encoding", "bogus".to_owned()),
    ]
}

async fn call(
    channel: &Channel,
    method: &str,
    message: Vec<u8>,
    (name, value): &(&'static str, String),
) -> Option<Status> {
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.unwrap();
    let mut request = Request::new(message);
    request.metadata_mut().insert(*name, value.parse().unwrap());
    let path = PathAndQuery::try_from(method.to_owned()).unwrap();
    let answer = grpc.server_streaming(request, path, Raw);
    let mut stream = match tokio::time::timeout(Duration::from_secs(15), answer)
        .await
        .unwrap()
    {
        Ok(answer) => answer.into_inner(),
        Err(status) => return Some(status),
    };
    stream.message().await.err()
}

#[tokio::test]
async fn every_rpc_rejects_hostile_input_without_effect() {
    let pair = Pair::start().await;
    pair.add_user("ada", &[]).await;
    let tokens = pair.site.tokens("ada").await;
    let before = pair.command(&["user", "list"], "").await;
    let endpoint = Endpoint::from_shared(format!("http://{}", pair.auth_address)).unwrap();
    let channel = endpoint.connect().await.unwrap();
    let mut seed = Seed::new(0xca11);
    let mut sent = 0;
    for method in methods() {
        for message in messages(&mut seed) {
            for metadata in metadata() {
                let Some(status) = call(&channel, &method, message.clone(), &metadata).await else {
                    continue;
                };
                sent += 1;
                let is_ours =
                    [Code::Internal, Code::Unknown, Code::DataLoss].contains(&status.code());
                assert!(!is_ours, "{method} {metadata:?}: {status:?}");
            }
        }
    }
    println!("{sent} refusals");
    assert_eq!(pair.command(&["user", "list"], "").await, before);
    assert_eq!(pair.site.api_login("ada", PASSWORD).await.status(), 200);
    let token = tokens["access_token"].as_str().unwrap();
    let request = pair.site.client().get(pair.site.url("/api/profile"));
    assert_eq!(
        request.bearer_auth(token).send().await.unwrap().status(),
        200
    );
    assert!(
        !pair.auth.output().contains("panicked"),
        "{}",
        pair.auth.output()
    );
}
