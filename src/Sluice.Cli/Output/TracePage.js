const start = JSON.parse(document.getElementById('start').textContent);
const svg = document.querySelector('svg'), time = document.getElementById('time'), now = document.getElementById('now');
const lines = [...svg.querySelectorAll('.row')], rows = [...document.querySelectorAll('#files tbody tr')];

// The mouse over the picture: how much was read by then, and the row of the table.
svg.addEventListener('mousemove', event => {
    const x = Math.round(new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse()).x) - start.left;
    const inside = x >= 0 && x <= start.width;
    time.style.visibility = inside ? 'visible' : 'hidden';
    time.setAttribute('x1', start.left + x);
    time.setAttribute('x2', start.left + x);
    now.textContent = inside ? `${(start.seconds * x / start.width).toFixed(3)} s: ${(start.bytes[x] / 1e6).toFixed(2)} MB read` : '';
    rows.forEach(row => row.classList.toggle('hover', row.dataset.name === event.target.closest('.row')?.dataset.name));
});
svg.addEventListener('mouseleave', () => { time.style.visibility = 'hidden'; now.textContent = ''; rows.forEach(row => row.classList.remove('hover')); });

// The filter.
document.getElementById('filter').addEventListener('input', event => {
    const wanted = event.target.value.toLowerCase(), fits = element => element.dataset.name.toLowerCase().includes(wanted);
    rows.forEach(row => row.classList.toggle('hidden', !fits(row)));
    lines.forEach(line => line.classList.toggle('faint', !fits(line)));
});

// A click on a heading sorts by its column, the largest first; names, and numbers of sources, the other way round.
document.querySelectorAll('#files th').forEach((heading, column, all) => heading.addEventListener('click', () => {
    const isText = column === 0 || column === all.length - 1;
    const value = row => row.cells[column].dataset.value ?? row.cells[column].textContent;
    rows.sort((one, other) => isText ? value(one).localeCompare(value(other)) : (parseFloat(value(other)) || 0) - (parseFloat(value(one)) || 0));
    rows[0].parentElement.append(...rows);
}));
