using System.Globalization;

namespace Sluice.Cli.Output;

/// <summary>Numbers, times and names for people.</summary>
internal static class Words
{
    /// <summary>With commas: <c>1,203,344</c>.</summary>
    public static string Count(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>In the unit that fits: <c>42 ms</c>, <c>1.2 s</c>, <c>12 min</c>, <c>3 h 20 min</c>, <c>9 d 4 h</c>.</summary>
    public static string Duration(double seconds) => seconds switch
    {
        < 0.0995 => string.Create(CultureInfo.InvariantCulture, $"{seconds * 1000:0.#} ms"),
        < 0.9995 => string.Create(CultureInfo.InvariantCulture, $"{seconds * 1000:0} ms"),
        < 9.95 => string.Create(CultureInfo.InvariantCulture, $"{seconds:0.0} s"),
        < 120 => string.Create(CultureInfo.InvariantCulture, $"{seconds:0} s"),
        < 7200 => string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(seconds / 60)} min"),
        < 172800 => string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(seconds / 3600)} h {Math.Floor(seconds % 3600 / 60)} min"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(seconds / 86400)} d {Math.Floor(seconds % 86400 / 3600)} h"),
    };

    /// <summary>The noun with its number: <c>1 image</c>, <c>2 images</c>.</summary>
    public static string Count(long number, string noun) => $"{Count(number)} {noun}{(number == 1 ? "" : "s")}";

    /// <summary>Breaks a text between words; lines but the first are indented.</summary>
    /// <param name="width">Of a line; null: it stays one line.</param>
    public static IEnumerable<string> Wrap(string text, int? width, int indent)
    {
        if (width is not { } most) return [text];
        List<string> lines = [];
        string line = "";
        foreach (string word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Trim().Length > 0 && line.Length + 1 + word.Length > most)
            {
                lines.Add(line);
                line = new string(' ', indent) + word;
            }
            else
            {
                line = line.Length == 0 ? word : $"{line} {word}";
            }
        }

        return [.. lines, line];
    }

    /// <summary>Fits a text into a width; what is left out of its middle is an ellipsis, since names differ at their ends.</summary>
    public static string Fit(string text, int width)
    {
        if (text.Length <= width) return text;
        if (width < 3) return text[..Math.Max(0, width)];
        int head = (width - 1) / 2;
        return $"{text[..head]}…{text[^(width - 1 - head)..]}";
    }
}
