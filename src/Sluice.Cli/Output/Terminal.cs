namespace Sluice.Cli.Output;

/// <summary>Where text for people goes.</summary>
internal static class Terminal
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
}
