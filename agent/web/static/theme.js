// Runs before the page is painted, so that it never flashes in the wrong colours.
(function () {
  "use strict";
  var root = document.documentElement;
  root.classList.add("js");
  try {
    var kept = localStorage.getItem("expand-theme");
    if (kept === "light" || kept === "dark") root.dataset.theme = kept;
  } catch (error) { /* storage may be switched off; the system's colours are then used */ }
})();
