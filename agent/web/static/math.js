// MathJax is configured before it loads. Formulas come as text, one by one, numbered by the server; none may load
// anything, link anywhere or reach beyond its own box.
(function () {
  "use strict";
  // Commands that would set links, classes, ids or styles show their content alone.
  var inert = {
    href: ["{#2}", 2], class: ["{#2}", 2], cssId: ["{#2}", 2], style: ["{#2}", 2], data: ["{#2}", 2],
    bbox: ["{#2}", 2, ""], mmlToken: ["\\text{#2}", 2], require: ["", 1], unicode: ["\\text{#1}", 1],
    toggle: ["{#1}", 1], mathtip: ["{#1}", 2], texttip: ["{#1}", 2],
  };
  window.MathJax = {
    startup: { typeset: false },
    options: { enableMenu: false, ignoreHtmlClass: ".*", renderActions: { addMenu: [] } },
    tex: {
      packages: [
        "base", "ams", "newcommand", "boldsymbol", "configmacros", "noerrors", "noundefined", "amscd", "braket",
        "cancel", "centernot", "color", "enclose", "extpfeil", "gensymb", "mhchem", "textcomp", "upgreek", "verb",
      ],
      tags: "none",
      macros: inert,
      maxMacros: 1000,
      maxBuffer: 20 * 1024,
    },
    chtml: { fontURL: "/static/mathjax/output/chtml/fonts/woff-v2" },
    svg: { fontCache: "local" },
  };

  // The page's policy lets in only style sheets that bear its nonce, MathJax's own among them.
  var create = document.createElement;
  document.createElement = function (kind) {
    var el = create.apply(document, arguments);
    if (String(kind).toLowerCase() === "style") el.setAttribute("nonce", document.body.dataset.nonce);
    return el;
  };

  var queue = [];      // formulas near the window, in order of appearance
  var ready = false;
  var metrics = null;
  var running = false;
  var rest = [];

  function measured() {
    var probe = document.createElement("span");
    probe.style.cssText = "position:absolute;visibility:hidden;font-size:100%";
    probe.textContent = "x";
    document.getElementById("text").appendChild(probe);
    var em = parseFloat(getComputedStyle(probe).fontSize) || 16;
    probe.remove();
    // A fixed ratio instead of the font's own x-height: Chinese fonts differ wildly in their Latin letters.
    return { em: em, ex: em * 0.45, containerWidth: 42 * em, lineWidth: 1e6 };
  }

  function harmless(node) {
    var all = node.querySelectorAll("*");
    for (var i = 0; i < all.length; i++) {
      var el = all[i];
      for (var j = el.attributes.length - 1; j >= 0; j--) {
        var name = el.attributes[j].name, value = el.attributes[j].value;
        var outside = /href$/.test(name) && value.charAt(0) !== "#";
        if (/^on/i.test(name) || outside) el.removeAttribute(name);
      }
      if (el.style && (el.style.position === "fixed" || el.style.position === "sticky")) el.style.position = "";
    }
    return node;
  }

  function typeset(el) {
    if (el.dataset.set) return;
    el.dataset.set = "1";
    var display = el.dataset.display === "1";
    var tex = el.textContent;
    var make = MathJax.tex2chtml || MathJax.tex2svg;
    try {
      var node = make(tex, {
        display: display, em: metrics.em, ex: metrics.ex,
        containerWidth: metrics.containerWidth, lineWidth: metrics.lineWidth,
      });
      el.replaceChildren(harmless(node));
      el.title = "";
      el.dataset.tex = tex;
    } catch (error) {
      el.classList.add("failed");
      el.title = String(error && error.message || error);
    }
    el.classList.add("set");
  }

  function settle() {
    MathJax.startup.document.clear();
    MathJax.startup.document.updateDocument();
  }

  function pump(deadline) {
    running = false;
    var start = performance.now(), budget = deadline ? Math.max(8, Math.min(40, deadline.timeRemaining())) : 12;
    var did = 0;
    while ((queue.length || (deadline && rest.length)) && (did === 0 || performance.now() - start < budget)) {
      var el = queue.length ? queue.shift() : rest.shift();
      if (!el.dataset.set) { typeset(el); did++; }
    }
    if (did) settle();
    if (!queue.length && !rest.length) document.documentElement.dataset.math = "done";
    else schedule();
  }

  function schedule() {
    if (running || !ready) return;
    running = true;
    if (queue.length) requestAnimationFrame(function () { pump(null); });
    else if (window.requestIdleCallback) requestIdleCallback(pump, { timeout: 2000 });
    else setTimeout(function () { pump({ timeRemaining: function () { return 10; } }); }, 30);
  }

  function all() {
    document.querySelectorAll(".math:not([data-set])").forEach(typeset);
    settle();
    document.documentElement.dataset.math = "done";
  }

  function watch(root) {
    var found = Array.prototype.slice.call(root.querySelectorAll(".math:not([data-set])"));
    if (!found.length) { document.documentElement.dataset.math = "done"; return; }
    rest = rest.concat(found);
    var near = new IntersectionObserver(function (entries) {
      entries.forEach(function (entry) {
        if (entry.isIntersecting) { near.unobserve(entry.target); queue.push(entry.target); }
      });
      schedule();
    }, { rootMargin: "900px 0px" });
    found.forEach(function (el) { near.observe(el); });
    schedule();
  }

  window.expandMath = { watch: watch, all: all };

  document.addEventListener("DOMContentLoaded", function () {
    MathJax.startup.promise.then(function () {
      metrics = measured();
      var prelude = JSON.parse(document.getElementById("prelude").textContent);
      var make = MathJax.tex2chtml || MathJax.tex2svg;
      prelude.forEach(function (tex) { try { make(tex, { display: false }); } catch (error) { /* shown where it stands */ } });
      ready = true;
      watch(document.querySelector(".frame"));
    });
  });
  window.addEventListener("beforeprint", function () { if (ready) all(); });
})();
