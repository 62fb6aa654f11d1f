//! Questions to a person, each with a default that Enter takes. Who answers is a trait, so that what is asked and what becomes
//! of the answers can be tried without a terminal.

use super::exit::{Failure, Status};
use super::output::Output;
use super::signals::Interrupt;

/// Somebody who answers.
pub(crate) trait Person {
    /// Says something that no answer is expected to.
    fn tell(&mut self, text: &str);

    /// The line that is typed after this text, without its end; `None` where no more will come.
    async fn line(&mut self, prompt: &str) -> Result<Option<String>, Failure>;
}

/// The person at the terminal: words go to stderr, answers come from stdin.
pub(crate) struct Terminal {
    output: Output,
    interrupt: Interrupt,
}

impl Terminal {
    /// Listens to Ctrl-C from now on.
    pub(crate) fn new(output: &Output) -> Self {
        Self { output: output.clone(), interrupt: Interrupt::listen(output.clone()) }
    }
}

impl Person for Terminal {
    fn tell(&mut self, text: &str) {
        self.output.talk(&crate::render::text::sanitize(text));
    }

    async fn line(&mut self, prompt: &str) -> Result<Option<String>, Failure> {
        let asked = self.output.ask(prompt);
        let read = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).ok().filter(|read| *read > 0).map(|_| line)
        });
        let line = self.interrupt.unless_interrupted(read).await;
        drop(asked);
        if !matches!(line, Ok(Ok(Some(_)))) {
            // What is said next begins on a line of its own.
            self.output.talk("");
        }
        Ok(line?.ok().flatten())
    }
}

/// Asks until the answer is one that `check` takes; an empty one stands for the default.
pub(crate) async fn ask<T>(
    person: &mut impl Person,
    question: &str,
    default: &str,
    check: impl Fn(&str) -> Result<T, String>,
) -> Result<T, Failure> {
    loop {
        let line = person.line(&format!("{question} [{default}]: ")).await?;
        let line = line.ok_or_else(|| Failure::new(Status::Refused, "no answer; nothing was written"))?;
        let answer = line.trim();
        match check(if answer.is_empty() { default } else { answer }) {
            Ok(answer) => return Ok(answer),
            Err(why) => person.tell(&format!("  {why}")),
        }
    }
}

/// More than these are not listed; they can still be named.
const MOST_LISTED: usize = 50;

/// Asks which of these is meant, by number or by one of its words; the first is the default.
pub(crate) async fn choose(
    person: &mut impl Person,
    question: &str,
    items: &[(String, String)],
) -> Result<usize, Failure> {
    for (number, (words, _)) in items.iter().enumerate().take(MOST_LISTED) {
        person.tell(&format!("  {}  {words}", number + 1));
    }
    if items.len() > MOST_LISTED {
        person.tell(&format!("  and {} more", items.len() - MOST_LISTED));
    }
    let find = |answer: &str| {
        let by_number = answer.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let by_number = by_number.filter(|at| *at < items.len());
        let by_id = items.iter().position(|(_, id)| id == answer);
        by_id.or(by_number).ok_or_else(|| format!("a number from 1 to {}, please", items.len()))
    };
    ask(person, question, "1", find).await
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// Somebody who types these lines, and what they are shown.
    #[derive(Debug, Default)]
    pub(crate) struct Script {
        lines: Vec<String>,
        pub(crate) shown: String,
    }

    impl Script {
        pub(crate) fn of(lines: &[&str]) -> Self {
            Self { lines: lines.iter().rev().map(ToString::to_string).collect(), shown: String::new() }
        }
    }

    impl Person for Script {
        fn tell(&mut self, text: &str) {
            self.shown.push_str(text);
            self.shown.push('\n');
        }

        async fn line(&mut self, prompt: &str) -> Result<Option<String>, Failure> {
            let line = self.lines.pop();
            let _ = writeln!(self.shown, "{prompt}{}", line.as_deref().unwrap_or("^D"));
            Ok(line)
        }
    }

    pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
    }

    #[test]
    fn a_wrong_answer_is_asked_for_again_and_enter_takes_the_default() {
        let check = |answer: &str| match answer {
            "bad" => Err("not that".to_owned()),
            good => Ok(good.to_owned()),
        };
        let mut person = Script::of(&["bad", "  "]);
        assert_eq!(block_on(ask(&mut person, "Which", "this", check)).unwrap(), "this");
        assert_eq!(person.shown, "Which [this]: bad\n  not that\nWhich [this]:   \n");
        let gone = block_on(ask(&mut Script::of(&[]), "Which", "this", check)).unwrap_err();
        assert_eq!(gone.message, "no answer; nothing was written");
    }

    #[test]
    fn one_of_a_list_is_chosen_by_number_or_id() {
        let items = [("one".to_owned(), "a".to_owned()), ("two".to_owned(), "b".to_owned())];
        let choice = |lines: &[&str]| block_on(choose(&mut Script::of(lines), "Which", &items)).unwrap();
        assert_eq!(
            [choice(&[""]), choice(&["2"]), choice(&["b"]), choice(&["0", "3", "x", "1"])],
            [0, 1, 1, 0]
        );
    }
}
