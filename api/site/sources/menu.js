"use strict";
/* The menu of whoever is signed in is a <details>, which opens without this script. Here it closes like a menu: by
   Escape, and when the pointer or the focus goes elsewhere. */

document.addEventListener("DOMContentLoaded", () => {
  const menu = document.querySelector("details.own");
  if (!menu) return;
  const leave = ({ target }) => {
    if (!menu.contains(target)) menu.open = false;
  };
  document.addEventListener("pointerdown", leave);
  document.addEventListener("focusin", leave);
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
});
