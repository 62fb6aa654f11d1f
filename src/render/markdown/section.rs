//! One object's part of a comment: a fold with what changes as a diff, lists as tables, and the requests. It can be made to
//! fit a given size, and then says how much of it is missing.

use std::fmt::Write;

use super::escape::{self, code, cut, fence, html_code, prose, size};
use crate::plan::Action;
use crate::render::difference::{self, Difference};
use crate::render::members::{List, Member};
use crate::render::view::{BOTH_MOVED, Becomes, Contents, Drifted, Field, Planned, Shown, Sign, mark};

/// Longest value on a line of a diff, in characters.
const LONGEST_LINE: usize = 1_000;
/// Longest value in a table's cell.
const LONGEST_CELL: usize = 400;
/// Longest sentence.
pub(super) const LONGEST_SENTENCE: usize = 600;
/// Two values longer than this together are compared word by word.
const LONG: usize = 160;

/// One object's part.
pub(super) struct Section {
    /// Where it stands among the others, the worst first.
    pub(super) rank: usize,
    /// What is to be done; none for drift.
    pub(super) action: Option<Action>,
    /// The line that stays when the fold is closed.
    head: String,
    blocks: Vec<Block>,
    requests: Option<Block>,
}

/// Lines that are cut one by one, within what opens and closes them.
struct Block {
    open: String,
    lines: Vec<String>,
    close: String,
}

impl Block {
    fn text(line: String) -> Self {
        Self { open: String::new(), lines: vec![line], close: String::new() }
    }

    fn fenced(info: &str, lines: Vec<String>) -> Option<Self> {
        let fence = fence(lines.iter().map(String::as_str));
        (!lines.is_empty()).then(|| Self { open: format!("{fence}{info}\n"), lines, close: fence + "\n" })
    }
}

/// Opens and closes a fold, and what says that some of it is missing.
const OPENING: &str = "<details open><summary></summary>\n\n";
const CLOSING: &str = "</details>\n\n";
const MISSING: usize = 80;

impl Section {
    /// How many lines there are in it.
    pub(super) fn lines(&self) -> usize {
        1 + self.blocks.iter().map(|b| b.lines.len()).sum::<usize>()
    }

    /// All of it.
    pub(super) fn whole(&self, open: bool, requests: bool) -> String {
        let mut text = self.opening(open);
        for block in self.blocks.iter().chain(self.requests.as_ref().filter(|_| requests)) {
            text.push_str(&block.open);
            for line in &block.lines {
                text.push_str(line);
                text.push('\n');
            }
            text.push_str(&block.close);
            text.push('\n');
        }
        text.push_str(CLOSING);
        text
    }

    /// As much of it as fits into `limit`, without the requests; and whether that is all. None if not even the head fits.
    pub(super) fn fitted(&self, limit: usize) -> Option<(String, bool)> {
        let whole = self.whole(false, false);
        if size(&whole) <= limit {
            return Some((whole, true));
        }
        let mut room = limit.checked_sub(size(&self.head) + OPENING.len() + CLOSING.len() + MISSING)?;
        let mut text = self.opening(false);
        let mut missing = 0;
        for block in &self.blocks {
            let frame = size(&block.open) + size(&block.close) + 1;
            let mut begun = false;
            for line in &block.lines {
                let needed = size(line) + 1 + if begun { 0 } else { frame };
                if missing > 0 || needed > room {
                    missing += 1;
                    continue;
                }
                if !begun {
                    text.push_str(&block.open);
                    begun = true;
                }
                room -= needed;
                text.push_str(line);
                text.push('\n');
            }
            if begun {
                text.push_str(&block.close);
                text.push('\n');
            }
        }
        let _ = write!(text, "*{missing} more lines are not shown here.*\n\n{CLOSING}");
        Some((text, false))
    }

    fn opening(&self, open: bool) -> String {
        let open = if open { " open" } else { "" };
        format!("<details{open}><summary>{}</summary>\n\n", self.head)
    }
}

/// How bad an operation is, the worst first.
fn rank(operation: &Planned<'_>) -> usize {
    match operation.action {
        Action::Delete => 0,
        Action::Replace => 1,
        _ if operation.conflicting => 2,
        // Drift stands at 3.
        Action::Adopt => 4,
        Action::Update => 5,
        Action::Create => 6,
        Action::Forget => 7,
    }
}

/// An operation.
pub(super) fn operation(operation: &Planned<'_>) -> Section {
    let mut head = format!(
        "{} <b>{}</b> {}",
        html_code(mark(operation.action)),
        operation.action.name(),
        html_code(&escape::name(&operation.address))
    );
    if !operation.reason.is_empty() {
        head.push_str(": ");
        head.push_str(&prose(&cut(&operation.reason, LONGEST_SENTENCE), html_code));
    }
    let mut facts: Vec<String> = operation.id.iter().map(|id| id_of(id)).collect();
    if operation.unchanged > 0 {
        facts.push(format!("{} unchanged", operation.unchanged));
    }
    facts.extend(operation.unsent.map(str::to_owned));
    facts.extend(operation.order.clone());
    let mut blocks = Vec::new();
    if !facts.is_empty() {
        blocks.push(Block::text(facts.join(" · ")));
    }
    let sign = if operation.action == Action::Delete { Sign::Removed } else { Sign::Added };
    contents(&operation.contents, sign, &mut blocks);
    Section {
        rank: rank(operation),
        action: Some(operation.action),
        head,
        blocks,
        requests: requests(operation),
    }
}

fn id_of(id: &str) -> String {
    format!("id {}", code(&escape::name(id)))
}

/// What drifted.
pub(super) fn drifted(drift: &Drifted<'_>) -> Section {
    let mut head = format!("drift of {}", html_code(&escape::name(&drift.address)));
    let mut blocks = vec![Block::text(id_of(&drift.id))];
    if drift.gone {
        head.push_str(": gone, or not visible to this credential");
    }
    contents(&drift.contents, Sign::Added, &mut blocks);
    Section { rank: 3, action: None, head, blocks, requests: None }
}

fn contents(contents: &Contents<'_>, sign: Sign, blocks: &mut Vec<Block>) {
    let mut lines = Vec::new();
    for field in &contents.fields {
        self::field(field, sign, &mut lines);
    }
    blocks.extend(Block::fenced("diff", lines));
    blocks.extend(contents.lists.iter().map(table));
}

/// A field as lines of a diff; `sign` is that of a field that nothing is compared with.
fn field(field: &Field<'_>, sign: Sign, lines: &mut Vec<String>) {
    let name = escape::name(&field.name);
    match &field.value {
        Becomes::Secret(words) => line(lines, "!", &format!("{name}: {words}")),
        Becomes::Is(shown) => value(lines, sign.mark(), &name, shown),
        Becomes::Conflict { applied, observed, wanted } => {
            value(lines, "!", &format!("{name}: {BOTH_MOVED}; last applied"), applied);
            value(lines, "-", &format!("{name}, on the platform"), observed);
            value(lines, "+", &format!("{name}, wanted"), wanted);
        }
        Becomes::Changes(old, new) if is_long(old, new) => changed(lines, &name, old, new),
        Becomes::Changes(old, new) => {
            if !old.is_none() {
                value(lines, "-", &name, old);
            }
            if !new.is_none() {
                value(lines, "+", &name, new);
            }
        }
    }
    let remarks = field.remarks();
    if !remarks.is_empty() {
        lines.push(format!("! {name}: {}", remarks.join(", ")));
    }
}

/// A line of a diff. The mark comes first, so that whatever follows cannot pass for anything else.
fn line(lines: &mut Vec<String>, mark: &str, text: &str) {
    lines.push(format!("{mark} {}", cut(text, LONGEST_LINE)));
}

fn value(lines: &mut Vec<String>, mark: &str, name: &str, shown: &Shown<'_>) {
    if !shown.is_laid_out() {
        return line(lines, mark, &format!("{name}: {}", shown.line));
    }
    line(lines, mark, &format!("{name}:"));
    for text in shown.lines() {
        line(lines, mark, &format!("  {text}"));
    }
}

fn is_long(old: &Shown<'_>, new: &Shown<'_>) -> bool {
    let laid_out = old.is_laid_out() || new.is_laid_out();
    let length = old.line.chars().count() + new.line.chars().count();
    !old.is_none() && !new.is_none() && (laid_out || length > LONG)
}

/// What of two long values differs.
fn changed(lines: &mut Vec<String>, name: &str, old: &Shown<'_>, new: &Shown<'_>) {
    match difference::between(old, new) {
        Difference::Words(runs) => {
            let text: String = runs.iter().map(difference::Run::marked).collect();
            line(lines, "!", &format!("{name}: {text}"));
        }
        Difference::Apart(old, new) => {
            line(lines, "-", &format!("{name}: {old}"));
            line(lines, "+", &format!("{name}: {new}"));
        }
        Difference::Lines(groups) => {
            line(lines, "!", &format!("{name}:"));
            for (number, group) in groups.iter().enumerate() {
                if number > 0 {
                    line(lines, " ", "  …");
                }
                for changed in group {
                    let text: String = changed.pieces.iter().map(|(_, text)| text.as_str()).collect();
                    line(lines, changed.sign.mark(), &format!("  {text}"));
                }
            }
        }
    }
}

/// A list as a table: sign, name, before, after.
fn table(list: &List<'_>) -> Block {
    let mut open = format!("{}: {}\n\n", code(&list.name), list.summary);
    let lines = if list.new {
        let _ = write!(open, "| | {} | {} |\n|:-:|---|---|\n", list.label, list.main);
        list.members.iter().map(|m| format!("| {} | {} | {} |", sign(m), name(m), sides(m).1)).collect()
    } else {
        let _ = write!(open, "| | {} | before | after |\n|:-:|---|---|---|\n", list.label);
        let row = |m: &Member<'_>| {
            let (before, after) = sides(m);
            format!("| {} | {} | {before} | {after} |", sign(m), name(m))
        };
        list.members.iter().map(row).collect()
    };
    Block { open, lines, close: String::new() }
}

fn sign(member: &Member<'_>) -> String {
    code(member.sign.mark())
}

fn name(member: &Member<'_>) -> String {
    code(&escape::name(&member.name))
}

/// What a member was and what it becomes, each as a cell.
fn sides(member: &Member<'_>) -> (String, String) {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let values = member.main.iter().map(|main| (None, main));
    for (name, value) in values.chain(member.others.iter().map(|(name, value)| (Some(name), value))) {
        let cell = |text: &str| match name {
            Some(name) => code(&cut(&format!("{name}: {text}"), LONGEST_CELL)),
            None => code(&cut(text, LONGEST_CELL)),
        };
        let mut pair = |old: &Shown<'_>, new: &Shown<'_>| {
            let marked = is_long(old, new).then(|| difference::words(&old.line, &new.line)).flatten();
            if let Some(runs) = marked {
                after.push(cell(&runs.iter().map(difference::Run::marked).collect::<String>()));
                return;
            }
            before.extend((!old.is_none()).then(|| cell(&old.line)));
            after.extend((!new.is_none()).then(|| cell(&new.line)));
        };
        match value {
            Becomes::Changes(old, new) => pair(old, new),
            Becomes::Conflict { applied, observed, wanted } => {
                pair(observed, wanted);
                before.push(format!("(both moved it; last applied: {})", cell(&applied.line)));
            }
            Becomes::Secret(words) => after.push(cell(words)),
            Becomes::Is(shown) => {
                before.extend((member.sign != Sign::Added).then(|| cell(&shown.line)));
                after.extend((member.sign != Sign::Removed).then(|| cell(&shown.line)));
            }
        }
    }
    after.extend(member.remark.map(|remark| format!("*{remark}*")));
    (before.join(" "), after.join(" "))
}

/// What is sent, in short.
fn requests(operation: &Planned<'_>) -> Option<Block> {
    let several = operation.operation.steps.len() > 1;
    let mut lines = Vec::new();
    for request in operation.requests() {
        let mut line = cut(&format!("{} {}", request.method, request.target()), LONGEST_LINE);
        if several {
            let when = request.when().map_or_else(String::new, |when| format!(" ({when})"));
            let _ = write!(line, "  # {}{when}", request.title());
        }
        lines.push(line);
        lines.extend(request.condition().map(|condition| format!("  {}", cut(&condition, LONGEST_LINE))));
    }
    let block = Block::fenced("http", lines)?;
    Some(Block { open: format!("Requests:\n\n{}", block.open), ..block })
}
