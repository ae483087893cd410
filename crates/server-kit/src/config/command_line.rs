//! How the settings of a process are read.

use std::{
    env,
    ffi::{OsStr, OsString},
};

use clap::{Command, Parser, builder::Resettable};

/// Reads the flags and environment variables of this process. A variable that is set to nothing or to blanks, as `${NAME:-}` of a
/// Compose file does, is not set. Where they cannot be read the process ends, and says why.
#[must_use]
pub fn parse<T: Parser>() -> T {
    let command = without_blank_variables(T::command(), |name| env::var_os(name));
    T::from_arg_matches(&command.get_matches()).unwrap_or_else(|why| why.exit())
}

fn without_blank_variables(
    command: Command,
    variable: impl Fn(&OsStr) -> Option<OsString>,
) -> Command {
    let is_blank = |name: &OsStr| {
        variable(name)
            .is_some_and(|value| value.to_str().is_some_and(|text| text.trim().is_empty()))
    };
    command.mut_args(|arg| {
        if arg.get_env().is_some_and(is_blank) {
            arg.env(Resettable::Reset)
        } else {
            arg
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    #[test]
    fn a_variable_that_is_blank_is_not_set() {
        let command = Command::new("service")
            .arg(Arg::new("empty").long("empty").env("EMPTY"))
            .arg(Arg::new("blank").long("blank").env("BLANK"))
            .arg(Arg::new("given").long("given").env("GIVEN"))
            .arg(Arg::new("absent").long("absent").env("ABSENT"));
        let command = without_blank_variables(command, |name| match name.to_str()? {
            "EMPTY" => Some("".into()),
            "BLANK" => Some(" \n".into()),
            "GIVEN" => Some("x".into()),
            _ => None,
        });
        let left = command.get_arguments().filter_map(Arg::get_env);
        assert_eq!(left.collect::<Vec<_>>(), ["GIVEN", "ABSENT"]);
    }
}
