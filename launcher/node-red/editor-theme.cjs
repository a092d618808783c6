'use strict'
// What an instance declares of its editor's looks, as Node-RED's `editorTheme`.

const { signOutPath } = require('../plugins/auth/sign-out.cjs')
const { defined } = require('./defined.cjs')

/**
 * @typedef {{
 *   title: string, theme?: string, header?: { title?: string, url?: string }, tours?: boolean,
 *   codeEditor?: { library?: string, options?: Record<string, string | number | boolean> },
 *   palette?: { catalogues?: string[] }
 * }} Editor
 */

/** @param {Editor} editor */
function editorTheme({ title, theme, header = {}, tours, codeEditor, palette }) {
  return defined({
    page: { title },
    header: defined({ title: asHtml(header.title ?? title), url: header.url }),
    projects: { enabled: false },
    logout: { redirect: signOutPath },
    theme,
    tours,
    codeEditor: codeEditor && { lib: codeEditor.library ?? 'monaco', options: codeEditor.options ?? {} },
    palette: palette?.catalogues && { catalogues: palette.catalogues },
  })
}

/**
 * The editor puts the header's title into the page as HTML.
 * @param {string} text
 */
function asHtml(text) {
  /** @type {Record<string, string>} */
  const entities = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '')
}

module.exports = { editorTheme }
