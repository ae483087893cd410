//! Settings from flags and environment variables.

use std::{env, ffi::OsString};

use clap::{Arg, Command, Parser};

/// Parses the flags and environment variables of this process. Where that fails, prints the reason and exits.
///
/// Each flag of the program itself is a setting. It may stand before and after a subcommand, and can also be set by an environment
/// variable, whose name is `prefix` and the flag in upper case: with the prefix `AUTH`, `--log-format` is `AUTH_LOG_FORMAT`. A variable
/// that is empty or blank counts as not set, as `${NAME:-}` of a Compose file produces one.
#[must_use]
pub fn parse<T: Parser>(prefix: &str) -> T {
    let command = with_variables(T::command(), prefix, |name| env::var_os(name));
    T::from_arg_matches(&command.get_matches()).unwrap_or_else(|why| why.exit())
}

/// The command that [`parse`] uses where no variable is blank, for documentation and tests.
#[must_use]
pub fn command<T: Parser>(prefix: &str) -> Command {
    with_variables(T::command(), prefix, |_| None)
}

fn with_variables(
    command: Command,
    prefix: &str,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Command {
    let is_blank = |name: &str| {
        variable(name)
            .is_some_and(|value| value.to_str().is_some_and(|text| text.trim().is_empty()))
    };
    command.mut_args(|arg| match variable_name(prefix, &arg) {
        Some(name) if is_blank(&name) => arg.global(true),
        Some(name) => arg.global(true).env(name),
        None => arg,
    })
}

fn variable_name(prefix: &str, arg: &Arg) -> Option<String> {
    let flag = arg.get_long()?.replace('-', "_").to_uppercase();
    Some(format!("{prefix}_{flag}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(command: &Command) -> Vec<&str> {
        let names = command.get_arguments().filter_map(Arg::get_env);
        names.filter_map(|name| name.to_str()).collect()
    }

    #[test]
    fn variable_is_named_after_its_flag_and_subcommands_have_none() {
        let command = Command::new("service")
            .arg(Arg::new("log").long("log-format"))
            .subcommand(Command::new("add").arg(Arg::new("admin").long("admin")));
        let command = with_variables(command, "AUTH", |_| None);
        assert_eq!(variables(&command), ["AUTH_LOG_FORMAT"]);
        let add = command.find_subcommand("add").unwrap();
        assert!(variables(add).is_empty());
        let line = ["service", "add", "--log-format=json"];
        let matches = command.try_get_matches_from(line).unwrap();
        assert_eq!(matches.get_one::<String>("log").unwrap(), "json");
    }

    #[test]
    fn blank_variable_counts_as_not_set() {
        let flags = ["empty", "blank", "given", "absent"];
        let flags = flags.map(|flag| Arg::new(flag).long(flag));
        let command = Command::new("service").args(flags);
        let command = with_variables(command, "WEB", |name| match name {
            "WEB_EMPTY" => Some("".into()),
            "WEB_BLANK" => Some(" \n".into()),
            "WEB_GIVEN" => Some("x".into()),
            _ => None,
        });
        assert_eq!(variables(&command), ["WEB_GIVEN", "WEB_ABSENT"]);
    }
}
