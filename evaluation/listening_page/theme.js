"use strict";
// Before the page is drawn: the colours that its reader chose last time. Storage may be forbidden.
try {
  const chosen = localStorage.getItem("listening-page-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {}
