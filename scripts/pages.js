// Uses a page as a person would; see pages.sh.
(() => {
  const problems = [];
  const check = (what, holds) => { if (!holds) problems.push(what); };
  const press = key => $('#canvas').dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
  const search = text => {
    $('#query').value = text;
    $('#search').dispatchEvent(new Event('submit', { cancelable: true }));
    return $('#where').textContent;
  };
  try {
    check('a memory is shown', !$('#map').hidden && $('#canvas').width > 0);
    check('search by address', search('0x408').startsWith('0x408'));
    const label = () => $('#canvas').getAttribute('aria-label');
    const before = label();
    press('+');
    check('+ zooms', label() !== before);
    press('ArrowRight');
    check('an arrow key goes on', $('#where').textContent.startsWith('0x409'));
    press('0');
    check('0 shows everything', label() === 'Memory from 0x0 to ' + hex(data.memory.bytes));
    for (const symbol of (data.symbols || []).slice(0, 3)) {
      check('search by symbol ' + symbol[2], search(symbol[2]).startsWith(hex(symbol[0])));
    }
    check('what is not there is said', search('no such thing').includes('Nothing here is called'));
    const [start] = pieces[0];
    search(hex(start));
    $('#hex b[title="' + hex(start + 1) + '"]').click();
    check('a click on a byte', $('#where').textContent.startsWith(hex(start + 1)) && $('#where').textContent.includes('Value'));
    if (data.writers) {
      search(hex(data.writers[0][0]));
      check('the last writer', $('#where').textContent.includes('Last written by'));
    }
    if ((data.blocks || []).length) {
      search(hex(data.blocks[0][0]));
      check('the block of a byte', $('#where').textContent.includes('allocated at'));
    }
    if (data.findings) check('findings', document.querySelectorAll('#findings li').length === data.findings.length);
    if (data.sites) check('a flame graph', document.querySelectorAll('.flame button').length > 2);
    if (data.rows) check('a table', document.querySelectorAll('#rows tbody tr').length === data.rows.rows.length);
    const dark = document.documentElement.dataset.theme;
    $('#theme').click();
    check('the theme changes', document.documentElement.dataset.theme !== dark);
    for (const element of document.querySelectorAll('[aria-labelledby]')) {
      check('labels are there', document.getElementById(element.getAttribute('aria-labelledby')));
    }
    for (const button of document.querySelectorAll('button')) check('buttons have names', button.textContent.trim());
    check('nothing is wider than the window', document.documentElement.scrollWidth <= innerWidth);
  } catch (error) {
    problems.push(String(error));
  }
  document.body.dataset.tested = problems.join('; ') || 'all is well';
})();
