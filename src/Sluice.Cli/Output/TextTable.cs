namespace Sluice.Cli.Output;

/// <summary>Columns of text. The first takes what width the others leave and is cut to it; numbers stand at the right of their column.</summary>
/// <param name="width">Of a line; null: as long as it gets.</param>
/// <param name="headings">A heading that begins with <c>&gt;</c> is that of numbers.</param>
internal sealed class TextTable(int? width, params string[] headings)
{
    private const string Gap = "  ";

    private readonly List<string[]> _rows = [];

    public void Add(params string[] cells) => _rows.Add(cells);

    public IEnumerable<string> Lines()
    {
        string[] titles = [.. headings.Select(heading => heading.TrimStart('>'))];
        int[] widths = [.. titles.Select((title, column) => _rows.Select(row => row[column].Length).Append(title.Length).Max())];
        if (width is { } most) widths[0] = Math.Max(Math.Min(widths[0], most - widths.Skip(1).Sum(one => one + Gap.Length)), titles[0].Length);
        return _rows.Prepend(titles).Select(row => string.Join(Gap, row.Select((cell, column) =>
        {
            string fitted = column == 0 ? Words.Fit(cell, widths[0]) : cell;
            return headings[column].StartsWith('>') ? fitted.PadLeft(widths[column]) : fitted.PadRight(widths[column]);
        })).TrimEnd());
    }
}
