using Sluice.Node.Starts;
using Sluice.Testing;

namespace Sluice.Node.Tests.Starts;

public sealed class RuntimeFilesTests
{
    [Fact]
    public void The_first_of_each_on_the_path_is_taken_and_what_is_missing_left()
    {
        using var directory = new TemporaryDirectory();
        string first = Directory.CreateDirectory(directory.File("first")).FullName, second = Directory.CreateDirectory(directory.File("second")).FullName;
        File.WriteAllText(Path.Combine(first, "runc"), "");
        File.WriteAllText(Path.Combine(second, "runc"), "");
        File.WriteAllText(Path.Combine(second, "containerd-shim-runc-v2"), "");
        Assert.Equal([Path.Combine(first, "runc"), Path.Combine(second, "containerd-shim-runc-v2")], RuntimeFiles.Find($"{first}::/nowhere:{second}"));
        Assert.Empty(RuntimeFiles.Find(""));
    }
}
