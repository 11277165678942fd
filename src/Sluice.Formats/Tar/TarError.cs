namespace Sluice.Formats.Tar;

internal static class TarError
{
    public static InvalidFormatException At(long offset, string message) => new("tar", message, offset);

    public static InvalidFormatException Truncated(long offset, string what) => At(offset, $"the archive ends within {what}");
}
