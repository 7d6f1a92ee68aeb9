"use strict";
/* What the server put into the page for scripts to say, in its language. Digits are Latin, as in all code here. */

const words = (() => {
  const language = document.documentElement.lang;
  const plural = new Intl.PluralRules(language);
  const number = new Intl.NumberFormat(`${language}-u-nu-latn`);

  /** Fill the places of a sentence: {name}. */
  const fill = (sentence, values) =>
    sentence.replace(/\{(\w+)\}/g, (place, name) => (name in values ? values[name] : place));

  /** Choose the plural form for a number and write the number into it. */
  const counted = (forms, count) => fill(forms[plural.select(count)] ?? forms.other, { count: number.format(count) });

  /** Join words as the language does. */
  const listed = (items) => new Intl.ListFormat(language).format(items);

  /** Read the sentences that belong to an element. */
  const of = (element) => JSON.parse(element.closest("[data-words]").dataset.words);

  return { fill, counted, listed, of, language, number };
})();
