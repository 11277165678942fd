using System.CommandLine;

namespace Sluice.Cli.Commands;

internal static class ConvertCommand
{
    public static Command Create() => new("convert", "Make an accelerated image.");
}
