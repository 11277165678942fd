namespace Sluice.Cli;

internal static class Program
{
    private static int Main(string[] args)
    {
        Console.Error.WriteLine($"sluice: no commands yet ({args.Length} arguments)");
        return 2;
    }
}
