// The review page: keys, decisions, dialogs. No framework; the server's HTML is the page, this makes it answer.
(function () {
  "use strict";
  var body = document.body, root = document.documentElement;
  var exported = body.dataset.export === "1";
  var base = body.dataset.base, csrf = body.dataset.csrf;
  var state = JSON.parse(document.getElementById("state").textContent);
  var WORDS = { accepted: "已接受", rejected: "已拒绝", waiting: "等待重写", "": "待定" };
  var busy = false, current = null, polling = 0;

  function $(id) { return document.getElementById(id); }
  function list(selector, from) { return Array.prototype.slice.call((from || document).querySelectorAll(selector)); }
  function sections() { return list("section.added"); }
  function say(text, bad) {
    var toast = $("toast");
    toast.textContent = text;
    toast.className = "toast shown" + (bad ? " bad" : "");
    clearTimeout(say.timer);
    say.timer = setTimeout(function () { toast.className = "toast"; }, bad ? 8000 : 3000);
  }

  // ---- where the reader is ------------------------------------------------------------------------------------

  function go(el, quiet) {
    if (!el) return;
    if (current) current.classList.remove("current");
    current = el;
    el.classList.add("current");
    list(".outline li.here").forEach(function (li) { li.classList.remove("here"); });
    var line = document.querySelector('.outline li[data-for="' + CSS.escape(el.dataset.section) + '"]');
    if (line) { line.classList.add("here"); line.scrollIntoView({ block: "nearest" }); }
    el.focus({ preventScroll: true });
    if (!quiet) el.scrollIntoView({ block: "start", behavior: "instant" });
    try { sessionStorage.setItem("at:" + base, el.dataset.section); } catch (error) { /* not kept then */ }
  }

  function step(by) {
    var all = sections();
    if (!all.length) return;
    var at = all.indexOf(current);
    if (at < 0) {
      var top = all.findIndex(function (s) { return s.getBoundingClientRect().bottom > 120; });
      at = by > 0 ? (top < 0 ? all.length : top) - 1 : (top < 0 ? all.length : top);
    }
    go(all[Math.max(0, Math.min(all.length - 1, at + by))]);
  }

  function nextUndecided() {
    var all = sections(), at = all.indexOf(current);
    var order = all.slice(at + 1).concat(all.slice(0, at + 1));
    var next = order.find(function (s) { return state.undecided.indexOf(s.dataset.section) >= 0; });
    if (next) go(next); else say("各节都定了；按 m 合并");
  }

  function finding(by) {
    var all = list(".finding", $("view-page")).filter(function (f) { return f.offsetParent; });
    if (!all.length) return say("没有检查结果");
    var at = all.indexOf(document.querySelector(".finding.here"));
    var next = all[(at + by + all.length) % all.length];
    list(".finding.here").forEach(function (f) { f.classList.remove("here"); });
    next.classList.add("here");
    next.scrollIntoView({ block: "center" });
    var section = next.closest("section.added");
    if (section) go(section, true);
    say(next.textContent.trim());
  }

  // ---- state --------------------------------------------------------------------------------------------------

  function show() {
    body.dataset.revision = state.revision;
    sections().forEach(function (el) {
      var id = el.dataset.section;
      var decision = state.waiting.indexOf(id) >= 0 ? "waiting" : state.sections[id] || "";
      el.dataset.decision = decision;
      var chip = el.querySelector("[data-decision]");
      chip.textContent = el.dataset.verdict === "unfinished" || id === "index" ? "" : WORDS[decision];
      chip.className = "decision d-" + (decision || "open");
      list("[data-do=accept],[data-do=reject]", el).forEach(function (b) {
        b.setAttribute("aria-pressed", String((b.dataset.do === "accept" ? "accepted" : "rejected") === decision));
      });
      var line = document.querySelector('.outline li[data-for="' + CSS.escape(id) + '"]');
      if (line) {
        line.dataset.decision = decision;
        var words = line.querySelector(".state-words");
        if (words) words.textContent = "，" + WORDS[decision];
      }
    });
    var total = state.undecided.length + Object.keys(state.sections).length;
    var accepted = count("accepted"), rejected = count("rejected");
    $("progress").textContent = "已定 " + (total - state.undecided.length) + "/" + total
      + "（接受 " + accepted + (rejected ? "，拒绝 " + rejected : "") + "）" + (state.status === "merged" ? " · 已合并" : "");
    if ($("merge-button")) $("merge-button").classList.toggle("ready", !state.undecided.length && accepted > 0);
    var job = state.job;
    if (job && !job.done) { say("重写 " + job.section + "：" + job.said); poll(); }
    else if (job && job.error && show.told !== job.error) { show.told = job.error; say("重写 " + job.section + " 没有成功：" + job.error, true); }
  }

  function count(decision) {
    return Object.keys(state.sections).filter(function (s) { return state.sections[s] === decision; }).length;
  }

  function poll() {
    clearTimeout(polling);
    polling = setTimeout(function () {
      fetch(base + "/state", { headers: { accept: "application/json" } }).then(function (r) { return r.json(); })
        .then(function (fresh) {
          var done = fresh.job && fresh.job.done && !fresh.job.error;
          if (done || fresh.draft !== body.dataset.draft) return reload();
          state = fresh;
          show();
        }).catch(function () { poll(); });
    }, 600);
  }

  function reload() { location.reload(); }

  function send(name, values) {
    if (busy) return Promise.reject(new Error("上一件事还没做完"));
    busy = true;
    return fetch(base + "/" + name, {
      method: "POST",
      headers: { "content-type": "application/json", "x-csrf-token": csrf },
      body: JSON.stringify(Object.assign({ revision: state.revision }, values)),
    }).then(function (response) {
      return response.text().then(function (text) {
        busy = false;
        var data;
        try { data = JSON.parse(text); } catch (error) { throw new Error(text.trim() || response.statusText); }
        if (!response.ok) {
          if (response.status === 409) refresh();
          throw new Error(data.error + (data.hint ? "（" + data.hint + "）" : ""));
        }
        state = data;
        if (data.draft !== body.dataset.draft && !(data.job && !data.job.done)) reload(); else show();
        return data;
      });
    }, function () {
      busy = false;
      throw new Error("连不上 expand review：它还开着吗？");
    });
  }

  function refresh() {
    fetch(base + "/state").then(function (r) { return r.json(); }).then(function (fresh) {
      if (fresh.draft !== body.dataset.draft) return reload();
      state = fresh;
      show();
    });
  }

  function trouble(error) { say(error.message, true); }

  // ---- decisions ----------------------------------------------------------------------------------------------

  function need() {
    if (!current) { step(1); }
    if (!current) say("没有可以决定的节");
    return current;
  }

  var actions = {
    accept: function (el) {
      if (el.dataset.verdict === "unfinished" || el.dataset.section === "index") return say("这一节不用决定");
      send("accept", { sections: [el.dataset.section] })
        .then(function () { say("接受 " + el.dataset.section); nextUndecided(); }, trouble);
    },
    reject: function (el) {
      if (el.dataset.verdict === "unfinished" || el.dataset.section === "index") return say("这一节不用决定");
      ask("拒绝 " + el.dataset.section, "哪里不行？这句话留在记录里。", function (note) {
        return send("reject", { sections: [el.dataset.section], note: note })
          .then(function () { say("拒绝 " + el.dataset.section); nextUndecided(); });
      });
    },
    redo: function (el) {
      if (el.dataset.section === "index") return say("这一节由程序生成");
      ask("重写 " + el.dataset.section, "要怎样改？这句话连同旧稿一起进提示词。", function (note) {
        return send("redo", { sections: [el.dataset.section], note: note })
          .then(function () { say("送去重写 " + el.dataset.section); poll(); });
      });
    },
    edit: function (el) {
      if (el.dataset.verdict === "unfinished" || el.dataset.section === "index") return say("这一节没有可改的正文");
      fetch(base + "/text/" + encodeURIComponent(el.dataset.section)).then(function (r) { return r.json(); })
        .then(function (data) {
          $("editor-title").textContent = "改 " + el.dataset.section;
          $("editor-text").value = data.text;
          $("editor-error").textContent = "";
          open($("editor"), function () {
            return send("edit", { sections: [el.dataset.section], text: $("editor-text").value });
          }, $("editor-error"));
          $("editor-text").focus();
          $("editor-text").setSelectionRange(0, 0);
        }, trouble);
    },
    versions: function (el) {
      fetch(base + "/versions/" + encodeURIComponent(el.dataset.section)).then(function (r) { return r.text(); })
        .then(function (html) {
          $("versions-title").textContent = el.dataset.section + " 的旧稿";
          $("versions").querySelector(".dialog-body").innerHTML = html;
          $("versions").showModal();
        }, trouble);
    },
  };

  function takeBack() { send("take-back", {}).then(function (data) { say(data.said || "收回了"); }, trouble); }

  function acceptRest() {
    var chosen = state.undecided.filter(function (s) { return state.verdicts[s] === "pass" && state.waiting.indexOf(s) < 0; });
    if (!chosen.length) return say("没有待定而又没有错误的节");
    send("accept", { sections: chosen }).then(function () {
      say("接受 " + chosen.length + " 节" + (state.undecided.length ? "；还有 " + state.undecided.length + " 节待定" : "；按 m 合并"));
      if (state.undecided.length) nextUndecided();
    }, trouble);
  }

  function merge() {
    var accepted = count("accepted");
    var rows = [accepted ? "合并 " + accepted + " 节。" : "还没有接受任何一节。"];
    if (state.undecided.length) rows.push("待定的不合并：" + state.undecided.join("、") + "。");
    if (count("rejected")) rows.push("拒绝的不合并：" + Object.keys(state.sections).filter(function (s) { return state.sections[s] === "rejected"; }).join("、") + "。");
    var summary = $("merge-summary");
    summary.replaceChildren();
    rows.forEach(function (text) { var p = document.createElement("p"); p.textContent = text; summary.appendChild(p); });
    $("merge-ok").disabled = !accepted;
    $("merge-commit-line").hidden = body.dataset.git !== "1";
    $("merge-commit").checked = body.dataset.git === "1";
    $("merge-error").textContent = "";
    open($("merge"), function () {
      return send("merge", { commit: $("merge-commit").checked && body.dataset.git === "1" }).then(function (data) {
        var m = data.merged;
        say("合并进 " + m.file + "：" + m.before.lines + " → " + m.after.lines + " 行" + (m.commit ? "，提交 " + m.commit.slice(0, 10) : ""));
      });
    }, $("merge-error"));
    $(accepted ? "merge-ok" : "merge").focus();
  }

  // ---- dialogs ------------------------------------------------------------------------------------------------

  function open(dialog, work, place) {
    var form = dialog.querySelector("form");
    form.onsubmit = function (event) {
      event.preventDefault();
      if (busy) return;
      work().then(function () { dialog.close(); }, function (error) {
        if (place) place.textContent = error.message; else { dialog.close(); trouble(error); }
      });
    };
    dialog.showModal();
  }

  function ask(title, label, work) {
    $("note-title").textContent = title;
    $("note-label").textContent = label;
    $("note-text").value = "";
    open($("note"), function () { return work($("note-text").value.trim()); });
    $("note-text").focus();
  }

  function evidence(id) {
    var from = $(id), dialog = $("evidence-dialog");
    if (!from) return;
    var copy = from.cloneNode(true);
    copy.removeAttribute("id");
    copy.open = true;
    dialog.querySelector(".dialog-body").replaceChildren(copy);
    dialog.showModal();
  }

  // ---- views --------------------------------------------------------------------------------------------------

  var VIEWS = ["page", "side", "unified"], shown = "page", scroll = 0;

  function view(name) {
    if (name === shown) return;
    if (shown === "page") scroll = window.scrollY;
    shown = name;
    VIEWS.forEach(function (v) { $("view-" + v).hidden = v !== name; });
    list("[data-view]").forEach(function (b) { b.setAttribute("aria-pressed", String(b.dataset.view === name)); });
    window.scrollTo(0, name === "page" ? scroll : 0);
    var box = $("view-" + name);
    if (name === "page" || exported || box.dataset.loaded) return;
    box.dataset.loaded = "1";
    box.textContent = "…";
    fetch(base + "/diff/" + name).then(function (r) { return r.text(); })
      .then(function (html) { box.innerHTML = html; }, trouble);
  }

  function theme() {
    var dark = root.dataset.theme === "dark" || (root.dataset.theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("expand-theme", root.dataset.theme); } catch (error) { /* for this page only then */ }
  }

  function outline() {
    var hidden = root.classList.toggle("no-outline");
    $("outline-toggle").setAttribute("aria-expanded", String(!hidden));
    if (!hidden && innerWidth < 900) root.classList.add("outline-open"); else root.classList.remove("outline-open");
  }

  // ---- keys ---------------------------------------------------------------------------------------------------

  var keys = {
    j: function () { step(1); },
    k: function () { step(-1); },
    J: function () { finding(1); },
    K: function () { finding(-1); },
    s: function () { view(VIEWS[(VIEWS.indexOf(shown) + 1) % VIEWS.length]); },
    o: outline,
    t: theme,
    "?": function () { $("help").showModal(); },
  };
  if (!exported) {
    keys.a = function () { var el = need(); if (el) actions.accept(el); };
    keys.r = function () { var el = need(); if (el) actions.reject(el); };
    keys.n = function () { var el = need(); if (el) actions.redo(el); };
    keys.e = function () { var el = need(); if (el) actions.edit(el); };
    keys.v = function () { var el = need(); if (el) actions.versions(el); };
    keys.u = takeBack;
    keys.A = acceptRest;
    keys.m = merge;
  }

  document.addEventListener("keydown", function (event) {
    var open = document.querySelector("dialog[open]");
    if (open) {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && open.querySelector("textarea")) {
        event.preventDefault();
        open.querySelector("form").requestSubmit();
      }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    // Caps Lock may not turn "accept this" into "accept all": what counts is the Shift key.
    var key = /^[a-zA-Z]$/.test(event.key)
      ? (event.shiftKey ? event.key.toUpperCase() : event.key.toLowerCase()) : event.key;
    var work = keys[key];
    if (work) { event.preventDefault(); work(); }
  });

  document.addEventListener("click", function (event) {
    var el = event.target.closest("[data-do],[data-view],[data-evidence],[data-close],[data-restore],[data-open]");
    if (el && el.dataset.do) { var section = el.closest("section.added"); go(section, true); actions[el.dataset.do](section); }
    else if (el && el.dataset.view) view(el.dataset.view);
    else if (el && el.dataset.evidence) { event.preventDefault(); evidence(el.dataset.evidence); }
    else if (el && el.hasAttribute("data-close")) el.closest("dialog").close();
    else if (el && el.dataset.open) { view("page"); $(el.dataset.open).open = true; $(el.dataset.open).scrollIntoView(); }
    else if (el && el.dataset.restore) {
      send("restore", { sections: [el.dataset.section], number: Number(el.dataset.restore) })
        .then(function () { $("versions").close(); }, trouble);
    }
    var link = event.target.closest("a[href^='#']");
    if (link && !link.dataset.evidence) {
      var target = document.getElementById(decodeURIComponent(link.getAttribute("href").slice(1)));
      if (target && shown !== "page") view("page");
      if (target && target.matches("section.added")) { event.preventDefault(); go(target); }
      if (target && target.matches(".proof") && link.closest(".cell")) { event.preventDefault(); evidence(target.id); }
      root.classList.remove("outline-open");
    }
  });

  // On paper nothing can be unfolded.
  var unfolded = [];
  addEventListener("beforeprint", function () {
    unfolded = list("details:not([open])");
    unfolded.forEach(function (d) { d.open = true; });
  });
  addEventListener("afterprint", function () { unfolded.forEach(function (d) { d.open = false; }); });

  $("theme").addEventListener("click", theme);
  $("help-button").addEventListener("click", keys["?"]);
  $("outline-toggle").addEventListener("click", outline);
  if ($("merge-button")) $("merge-button").addEventListener("click", merge);

  // Reading moves the place in the outline along; a section counts as read where the eye is, not where it ends.
  var passing = new IntersectionObserver(function (entries) {
    entries.forEach(function (entry) {
      if (!entry.isIntersecting) return;
      var line = document.querySelector('.outline li[data-for="' + CSS.escape(entry.target.dataset.section) + '"]');
      list(".outline li.seen").forEach(function (li) { li.classList.remove("seen"); });
      if (line) line.classList.add("seen");
    });
  }, { rootMargin: "-20% 0px -70% 0px" });
  sections().forEach(function (s) { passing.observe(s); });

  show();
  var at = null;
  try { at = sessionStorage.getItem("at:" + base); } catch (error) { /* starts at the top then */ }
  var kept = at && !location.hash ? document.querySelector('section.added[data-section="' + CSS.escape(at) + '"]') : null;
  if (kept) go(kept);
})();
