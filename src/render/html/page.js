// Filters, their link, keys and copying. The page is whole without it.
(() => {
  "use strict";
  const find = (id) => document.getElementById(id);
  const form = find("filters");
  const print = find("fingerprint");
  const copy = find("copy");

  if (print) {
    copy.hidden = false;
    print.addEventListener("focus", () => print.select());
    copy.addEventListener("click", async () => {
      const said = find("copied");
      try {
        await navigator.clipboard.writeText(print.value);
        said.textContent = "copied";
      } catch {
        print.focus();
        said.textContent = "selected: copy it by hand";
      }
    });
  }
  // Paper shows what is folded away.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const details of folded) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of folded) details.open = false;
  });
  if (!form) return;

  const chips = [...form.querySelectorAll("button[data-action]")];
  const pipeline = find("pipeline");
  const search = find("search");
  const clear = find("clear");
  const shown = find("shown");
  const groups = [...document.querySelectorAll(".pipeline")].map((section) => ({
    section,
    name: section.dataset.name,
    ops: [...section.querySelectorAll(".op")].map((section) => ({ section, action: section.dataset.action, text: null })),
  }));
  const total = groups.reduce((sum, group) => sum + group.ops.length, 0);
  const nodes = new Map();
  for (const node of document.querySelectorAll("a.node")) {
    const target = node.getAttribute("href").slice(1);
    nodes.set(target, [...(nodes.get(target) ?? []), node]);
  }
  let at = "";

  const pressed = () => chips.filter((c) => c.getAttribute("aria-pressed") === "true").map((c) => c.dataset.action);
  const press = (actions) => {
    for (const chip of chips) chip.setAttribute("aria-pressed", String(actions.includes(chip.dataset.action)));
  };
  const words = () => search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const number = (n) => n.toLocaleString("en");

  // Shows what all filters let through. An operation's text is read when it is first looked for.
  const apply = () => {
    const actions = pressed();
    const wanted = words();
    let count = 0;
    for (const group of groups) {
      const here = !pipeline.value || group.name === pipeline.value;
      let any = false;
      for (const op of group.ops) {
        let show = here && (!actions.length || actions.includes(op.action));
        if (show && wanted.length) {
          op.text ??= op.section.textContent.toLowerCase();
          show = wanted.every((word) => op.text.includes(word));
        }
        op.section.hidden = !show;
        for (const node of nodes.get(op.section.id) ?? []) node.classList.toggle("out", !show);
        any ||= show;
        count += show;
      }
      group.section.hidden = !any;
    }
    const narrowed = Boolean(actions.length || pipeline.value || wanted.length);
    clear.hidden = !narrowed;
    find("nothing").hidden = count > 0;
    shown.textContent = `${number(count)} of ${number(total)} operation${total === 1 ? "" : "s"} shown`;
  };

  // The fragment is either an operation's id, or the filters and the id as `at`.
  const link = () => {
    const parts = new URLSearchParams();
    if (pressed().length) parts.set("action", pressed().join(","));
    if (pipeline.value) parts.set("pipeline", pipeline.value);
    if (search.value.trim()) parts.set("q", search.value.trim());
    const filters = parts.toString();
    if (at && filters) parts.set("at", at);
    const fragment = filters ? parts.toString() : at;
    try {
      history.replaceState(null, "", fragment ? `#${fragment}` : location.pathname + location.search);
    } catch {
      // A sandboxed frame has no history of its own: the filters work, only the link does not follow.
    }
  };
  const changed = () => {
    apply();
    link();
  };
  const none = () => {
    press([]);
    pipeline.value = "";
    search.value = "";
  };
  const go = (id) => {
    for (const old of document.querySelectorAll(".here")) old.classList.remove("here");
    const target = id && find(id);
    at = target ? id : "";
    if (!target) return;
    if (target.closest("[hidden]")) {
      none();
      apply();
    }
    if (target.classList.contains("op")) target.classList.add("here");
    target.scrollIntoView({ block: "start" });
  };
  const read = () => {
    const fragment = location.hash.slice(1);
    if (fragment.includes("=")) {
      const parts = new URLSearchParams(fragment);
      press((parts.get("action") ?? "").split(","));
      pipeline.value = parts.get("pipeline") ?? "";
      if (pipeline.selectedIndex < 0) pipeline.value = "";
      search.value = parts.get("q") ?? "";
      apply();
      go(parts.get("at"));
    } else {
      apply();
      go(fragment);
    }
    link();
  };

  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
      changed();
    });
  }
  pipeline.addEventListener("change", changed);
  search.addEventListener("input", changed);
  clear.addEventListener("click", () => {
    none();
    changed();
    search.focus();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", read);
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "/" && !event.target.closest("input, select, textarea")) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "Escape") {
      none();
      changed();
    }
  });

  form.hidden = false;
  document.documentElement.classList.add("filtered");
  read();
})();
