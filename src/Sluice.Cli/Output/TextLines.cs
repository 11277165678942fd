namespace Sluice.Cli.Output;

/// <summary>Text for people in lines that fit.</summary>
internal static class TextLines
{
    /// <summary>Columns of the terminal; 100 where there is none.</summary>
    public static int Width
    {
        get
        {
            try
            {
                return Console.IsOutputRedirected || Console.WindowWidth <= 0 ? 100 : Math.Clamp(Console.WindowWidth, 40, 160);
            }
            catch (IOException)
            {
                return 100;
            }
        }
    }

    /// <summary>Breaks at spaces; a word that is longer than a line stays whole.</summary>
    public static IEnumerable<string> Wrap(string text, int width)
    {
        string line = "";
        foreach (string word in text.Split(' '))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > width)
            {
                yield return line;
                line = word;
            }
            else
            {
                line = line.Length == 0 ? word : $"{line} {word}";
            }
        }

        yield return line;
    }
}
