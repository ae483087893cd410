//! The rules of buf's STANDARD category, checked on the descriptor, and a comment on everything.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::HashSet;

use auth_proto::FILE_DESCRIPTOR_SET;
use prost::Message as _;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet,
    OneofDescriptorProto, ServiceDescriptorProto,
};

const PACKAGE: &str = "auth.v1";

fn own_files() -> Vec<FileDescriptorProto> {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let files: Vec<_> = set
        .file
        .into_iter()
        .filter(|file| file.package() == PACKAGE)
        .collect();
    assert!(files.len() >= 6, "the package is there");
    files
}

fn is_lower_snake(name: &str) -> bool {
    let parts = name.split('_');
    let is_word = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase())
            && part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    parts.into_iter().all(is_word)
}

fn is_pascal(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric())
}

fn upper_snake(pascal: &str) -> String {
    let mut name = String::new();
    for (index, letter) in pascal.chars().enumerate() {
        if letter.is_ascii_uppercase() && index > 0 {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[test]
fn files_lie_where_their_package_says_and_import_what_they_use() {
    for file in own_files() {
        let (directory, name) = file.name().rsplit_once('/').unwrap();
        assert_eq!(directory, PACKAGE.replace('.', "/"));
        assert!(
            is_lower_snake(name.strip_suffix(".proto").unwrap()),
            "{name}"
        );
        assert_eq!(file.syntax(), "proto3");
        assert!(file.public_dependency.is_empty());
        let text = std::fs::read_to_string(file.name()).unwrap();
        for import in &file.dependency {
            let used = match import.rsplit('/').next().unwrap() {
                "timestamp.proto" => "google.protobuf.Timestamp",
                "duration.proto" => "google.protobuf.Duration",
                "user.proto" => "User ",
                "client.proto" | "oauth_client.proto" => "Client",
                "dpop.proto" => "DpopProof ",
                "audit_event.proto" => "AuditEvent ",
                "login.proto" => "Login ",
                "factor.proto" => "AccountFactors ",
                "revocation.proto" => "Revocation ",
                "authentication.proto" => "AuthenticationStep ",
                other => panic!("this test does not know the types of {other}"),
            };
            assert!(
                [" ", "  "]
                    .iter()
                    .any(|before| text.contains(&format!("{before}{used}"))),
                "{name} does not use {import}"
            );
        }
    }
}

#[test]
fn messages_and_fields_are_named_by_the_rules() {
    fn check(message: &DescriptorProto) {
        assert!(is_pascal(message.name()), "{}", message.name());
        for field in &message.field {
            assert!(
                is_lower_snake(field.name()),
                "{}.{}",
                message.name(),
                field.name()
            );
        }
        // An optional field is in a oneof of its own, whose name protoc makes.
        let is_made = |oneof: &&OneofDescriptorProto| oneof.name().starts_with('_');
        for oneof in message.oneof_decl.iter().filter(|oneof| !is_made(oneof)) {
            assert!(
                is_lower_snake(oneof.name()),
                "{}.{}",
                message.name(),
                oneof.name()
            );
        }
        message.nested_type.iter().for_each(check);
        message.enum_type.iter().for_each(check_enum);
    }
    own_files()
        .iter()
        .flat_map(|file| &file.message_type)
        .for_each(check);
}

fn check_enum(declared: &EnumDescriptorProto) {
    assert!(is_pascal(declared.name()), "{}", declared.name());
    assert!(
        declared
            .options
            .as_ref()
            .is_none_or(|options| !options.allow_alias())
    );
    let prefix = upper_snake(declared.name()) + "_";
    let zero = &declared.value[0];
    assert_eq!(
        (zero.number(), zero.name()),
        (0, format!("{prefix}UNSPECIFIED").as_str())
    );
    for value in &declared.value {
        let rest = value
            .name()
            .strip_prefix(&prefix)
            .unwrap_or_else(|| panic!("{} lacks {prefix}", value.name()));
        assert!(
            is_lower_snake(&rest.to_ascii_lowercase()) && rest == rest.to_ascii_uppercase(),
            "{rest}"
        );
    }
}

#[test]
fn enums_are_named_by_the_rules() {
    own_files()
        .iter()
        .flat_map(|file| &file.enum_type)
        .for_each(check_enum);
}

#[test]
fn every_rpc_has_a_request_and_a_response_of_its_own() {
    let mut seen = HashSet::new();
    let files = own_files();
    let services: Vec<&ServiceDescriptorProto> =
        files.iter().flat_map(|file| &file.service).collect();
    assert_eq!(services.len(), 5);
    for service in services {
        assert!(
            is_pascal(service.name()) && service.name().ends_with("Service"),
            "{}",
            service.name()
        );
        for method in &service.method {
            let name = method.name();
            assert!(is_pascal(name), "{name}");
            assert_eq!(method.input_type(), format!(".{PACKAGE}.{name}Request"));
            assert_eq!(method.output_type(), format!(".{PACKAGE}.{name}Response"));
            assert!(seen.insert(name.to_owned()), "{name} is there twice");
        }
    }
}

#[test]
fn everything_declared_has_a_comment() {
    for file in own_files() {
        let locations = &file.source_code_info.as_ref().unwrap().location;
        let commented: HashSet<&[i32]> = locations
            .iter()
            .filter(|location| !location.leading_comments().trim().is_empty())
            .map(|location| location.path.as_slice())
            .collect();
        let assert_commented = |path: &[i32], name: &str| {
            assert!(
                commented.contains(path),
                "{}: {name} has no comment",
                file.name()
            );
        };
        // The numbers are the fields of FileDescriptorProto and its parts.
        for (index, message) in (0..).zip(&file.message_type) {
            assert_commented(&[4, index], message.name());
            for (field_index, field) in (0..).zip(&message.field) {
                assert_commented(&[4, index, 2, field_index], field.name());
            }
        }
        for (index, declared) in (0..).zip(&file.enum_type) {
            assert_commented(&[5, index], declared.name());
            for (value_index, value) in (0..).zip(&declared.value) {
                assert_commented(&[5, index, 2, value_index], value.name());
            }
        }
        for (index, service) in (0..).zip(&file.service) {
            assert_commented(&[6, index], service.name());
            for (method_index, method) in (0..).zip(&service.method) {
                assert_commented(&[6, index, 2, method_index], method.name());
            }
        }
    }
}
