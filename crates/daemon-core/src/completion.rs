//! Completion scripts of the daemons: clap's, patched so that a flag that takes a list completes after each comma. Which
//! words there are is the caller's.

use clap::Command;
use clap::builder::PossibleValuesParser;
use clap_complete::Shell;

/// How many words one value of a flag holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// One.
    One,
    /// Several, with commas between them.
    List,
}

/// A flag whose values are words that only the daemon knows.
#[derive(Debug)]
pub struct Flag {
    /// Its long names, without dashes; the first is its id.
    pub names: Vec<&'static str>,
    /// The words that a value may be.
    pub words: Vec<String>,
    /// How many words one value holds.
    pub takes: Takes,
}

/// The script of a shell for a command with these flags. clap's own engine, which could do all of this, is still behind
/// its feature `unstable-dynamic`, so what clap generates is patched.
pub fn script(shell: Shell, mut command: Command, flags: &[Flag]) -> String {
    for flag in flags {
        let words = PossibleValuesParser::new(flag.words.iter().cloned());
        let id = flag.names.first().copied().unwrap_or_default();
        command = command.mut_arg(id, |arg| arg.value_parser(words));
    }
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, &name, &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        Shell::Bash => {
            assert_generated(&script, &format!("_{name}() {{"));
            script + &bash(&name, flags)
        }
        Shell::Zsh => flags.iter().fold(script, |script, flag| {
            let words = flag.words.join(" ");
            let offer = if flag.takes == Takes::List { "_sequence compadd -" } else { "compadd --" };
            patch(&script, &format!(":({words})'"), &format!(":{{{offer} {words} || _files}}'"))
        }),
        Shell::Fish => flags.iter().filter(|flag| flag.takes == Takes::List).fold(script, |script, flag| {
            let words: String = flag.words.iter().map(|word| format!("{word}\\t''\n")).collect();
            let plain = flag.words.join(" ");
            patch(&script, &format!("\"{}\"", words.trim_end()), &format!("\"(__fish_append , {plain})\""))
        }),
        _ => script,
    }
}

fn patch(script: &str, generated: &str, ours: &str) -> String {
    assert_generated(script, generated);
    script.replace(generated, ours)
}

/// Stops a debug build when clap's text has changed, and with it every test that renders a daemon's script. A released
/// daemon would print a script that completes less.
fn assert_generated(script: &str, text: &str) {
    debug_assert!(script.contains(text), "clap no longer generates {text:?} in {script}");
}

/// A function that runs before the generated one: it knows commas and `--flag=value`. Where no word fits, bash offers
/// files.
fn bash(name: &str, flags: &[Flag]) -> String {
    let mut cases = String::new();
    for flag in flags {
        let names: Vec<String> = flag.names.iter().map(|name| format!("--{name}")).collect();
        let before = match flag.takes {
            Takes::One => "",
            Takes::List => " [[ $cur != *,* ]] || before=${cur%,*},",
        };
        cases += &format!("        {}) words='{}';{before} ;;\n", names.join("|"), flag.words.join(" "));
    }
    format!(
        "\n_{name}_words() {{\n    \
         local cur=$2 flag=$3 words before=\n    \
         if [[ $cur == '=' ]]; then cur=; fi\n    \
         if [[ $flag == '=' ]]; then flag=${{COMP_WORDS[COMP_CWORD-2]}}; fi\n    \
         case $flag in\n{cases}        *) _{name} \"$@\"; return ;;\n    esac\n    \
         COMPREPLY=($(compgen -P \"$before\" -W \"$words\" -- \"${{cur#\"$before\"}}\"))\n}}\n\
         complete -F _{name}_words -o bashdefault -o default {name}\n"
    )
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    fn command() -> Command {
        Command::new("prog")
            .arg(Arg::new("pick").long("pick").alias("choose"))
            .arg(Arg::new("kind").long("kind"))
    }

    fn flags() -> Vec<Flag> {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        vec![
            Flag {
                names: vec!["pick", "choose"],
                words: words(&["red", "green", "grey-1"]),
                takes: Takes::List,
            },
            Flag { names: vec!["kind"], words: words(&["round", "square"]), takes: Takes::One },
        ]
    }

    /// What bash offers at the end of a line, its words as bash splits them.
    fn offered(line: &[&str]) -> Vec<String> {
        let (word, before) = line.split_last().unwrap();
        let script = script(Shell::Bash, command(), &flags());
        let words: Vec<String> = line.iter().map(|word| format!("'{word}'")).collect();
        let program = format!(
            "{script}\nCOMP_WORDS=({}); COMP_CWORD={}\n_prog_words prog '{word}' '{}'\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words.join(" "),
            line.len() - 1,
            before.last().unwrap()
        );
        let answer = std::process::Command::new("bash").args(["--norc", "-c", &program]).output().unwrap();
        assert!(answer.status.success(), "{answer:?}");
        String::from_utf8(answer.stdout).unwrap().split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn bash_completes_a_list_after_each_comma() {
        assert_eq!(offered(&["prog", "--pick", "g"]), ["green", "grey-1"]);
        assert_eq!(offered(&["prog", "--pick", "red,gre"]), ["red,green", "red,grey-1"]);
        assert_eq!(
            offered(&["prog", "--choose", "red,green,"]),
            ["red,green,red", "red,green,green", "red,green,grey-1"]
        );
        assert_eq!(offered(&["prog", "--pick", "=", "red,r"]), ["red,red"]);
        assert_eq!(offered(&["prog", "--pick", "="]), ["red", "green", "grey-1"]);
        assert_eq!(offered(&["prog", "--kind", "sq"]), ["square"]);
        assert_eq!(offered(&["prog", "--kind", "round,sq"]), [""; 0]);
        assert_eq!(offered(&["prog", "--ki"]), ["--kind"]);
    }

    #[test]
    fn zsh_and_fish_complete_a_list() {
        let zsh = script(Shell::Zsh, command(), &flags());
        assert!(zsh.contains(":{_sequence compadd - red green grey-1 || _files}'"), "{zsh}");
        assert!(zsh.contains(":{compadd -- round square || _files}'"), "{zsh}");
        let fish = script(Shell::Fish, command(), &flags());
        assert!(fish.contains("\"(__fish_append , red green grey-1)\""), "{fish}");
    }

    /// As when clap's text changes: a script without a flag's words must not go unnoticed.
    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "clap no longer generates")]
    fn a_script_that_cannot_be_patched_fails() {
        patch("_arguments '--pick=[]: :(red  green)'", ":(red green)'", ":{compadd -- red green}'");
    }
}
