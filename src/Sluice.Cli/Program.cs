using System.CommandLine;
using Sluice.Cli.Commands;

namespace Sluice.Cli;

internal static class Program
{
    private static int Main(string[] args)
    {
        var root = new RootCommand("Sluice starts containers before their images are downloaded.")
        {
            ConvertCommand.Create(),
        };
        return CommandRunner.Run(root, args);
    }
}
