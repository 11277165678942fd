switch (args)
{
    case ["hashing"]:
        Sluice.Bench.Hashing.Run();
        return 0;
    default:
        Console.Error.WriteLine("usage: Sluice.Bench hashing");
        return 2;
}
